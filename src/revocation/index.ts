export { CrlIssuerError, CrlRevocation, type CrlEvent, type CrlStanding } from './crl-revocation.js';
export { fetchCrl, type CrlSource } from './crl-source.js';
export { lossOf, revocationOf, type Finding } from './path-revocation.js';
export { revocationModeOf, statusFrom, type RevocationMode, type RevocationOptions } from './revocation-options.js';
export { firstKnown, type RevocationAnswer, type RevocationStatus } from './revocation-status.js';
