export { MtlsGrpcServer, type MtlsGrpcOptions } from './mtls-grpc.listener.js';
