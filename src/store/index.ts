export { auditHead, insertAudit, listAudit, type AuditRow } from './audit.store.js';
export {
  CursorError,
  findCertificate,
  insertCertificate,
  isCompromisedKey,
  listCertificates,
  reserveSerial,
  type CertificateFilter,
  type CertificatePage,
  type CertificateRow,
} from './certificate.store.js';
export { insertCrl, lastCrl, lastCrlHeader, type CrlHeader, type CrlRow } from './crl.store.js';
export {
  findEnrollmentToken,
  insertEnrollmentToken,
  spendEnrollmentToken,
  type EnrollmentTokenRow,
} from './enrollment-token.store.js';
export { findIdempotency, insertIdempotency, type IdempotencyRow } from './idempotency.store.js';
export { findIssuer, insertIssuer, listIssuers, type IssuerRow } from './issuer.store.js';
export { lastRevocationSequence, listRevocations, markRevoked } from './revocation.store.js';
export type { Database, IssuerRole, Transaction } from './schema.js';
export { StoreError } from './store-error.js';
export { openStore, Store } from './store.js';
