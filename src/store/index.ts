export { auditHead, insertAudit, listAudit, type AuditHead, type AuditRow } from './audit.store.js';
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
export { findIssuer, insertIssuer, listIssuers, type IssuerRow } from './issuer.store.js';
export { lastRevocationSequence, listRevocations, markRevoked, type RevocationRow } from './revocation.store.js';
export type { CertificateStatus, Database, IssuerRole, Transaction } from './schema.js';
export { StoreError, type StoreErrorCode } from './store-error.js';
export { openStore, Store, type StoreOptions } from './store.js';
