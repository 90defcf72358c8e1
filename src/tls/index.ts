export type { CrlSource, RevocationMode, RevocationOptions, RevocationStatus } from '../revocation/index.js';
export { asksForCertificates } from './client-certificates.js';
export { certificatesAbove } from './certificates-above.js';
export { clientLeafOf } from './client-leaf.js';
export type { ConnectTarget, ServerConnection } from './client/connect.js';
export { connectAnonymously } from './client/anonymous-connection.js';
export { PeerRefusedError, type PeerRefusalCode } from './client/peer-refused-error.js';
export {
  openTlsClient,
  type DispatcherOptions,
  type PeerOptions,
  type TlsClient,
  type TlsClientEvent,
  type TlsClientOptions,
} from './client/tls-client.js';
export { connectionInfoOf, type ConnectionInfo } from './connection-info.js';
export { developmentClientOptions, developmentServerOptions } from './development.js';
export { isSameTrust, type MaterialWatchOptions, type TlsReloadEvent } from './material-watch.js';
export { renewFiles, type FileRenewalOptions } from './renewal/file-renewal.js';
export { KEY_NOT_TAKEN, withNewKey } from './renewal/new-key.js';
export { PairFiles, type PairPaths } from './renewal/pair-files.js';
export { RenewalAgent, type RenewalAgentOptions, type RenewalEvent, type Timer } from './renewal/renewal-agent.js';
export { RenewalError, type RenewalErrorCode } from './renewal/renewal-error.js';
export { renewPair, type RenewalTarget } from './renewal/renew-pair.js';
export { clientOptions, secureContextOptions, serverOptions, type ServerTlsSettings } from './secure-context.js';
export { OcspStapler, type OcspSource, type Stapled, type StaplingEvent } from './ocsp-stapler.js';
export { TlsSetupError } from './tls-error.js';
export { readTlsMaterial, type TlsFiles, type TlsMaterial } from './tls-material.js';
export { TlsReloader } from './tls-reloader.js';
export { checkTlsSettings, DEFAULT_TLS_SETTINGS, type TlsSettings, type TlsVersion } from './tls-settings.js';
export { nodeVersionProblem } from './node-version.js';
