export { asksForCertificates } from './client-certificates.js';
export { connectionInfoOf, type ConnectionInfo } from './connection-info.js';
export { developmentClientOptions, developmentServerOptions } from './development.js';
export { clientOptions, secureContextOptions, serverOptions, type ServerTlsSettings } from './secure-context.js';
export { TlsSetupError } from './tls-error.js';
export { readTlsMaterial, type TlsFiles, type TlsMaterial } from './tls-material.js';
export { TlsReloader, type TlsReloadEvent } from './tls-reloader.js';
export { checkTlsSettings, DEFAULT_TLS_SETTINGS, type TlsSettings, type TlsVersion } from './tls-settings.js';
export { nodeVersionProblem } from './node-version.js';
