export { identityOfClient, MtlsWsAdapter } from './mtls-ws.listener.js';
