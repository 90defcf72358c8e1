export { MtlsTcpServer, type MtlsTcpOptions } from './mtls-tcp.listener.js';
