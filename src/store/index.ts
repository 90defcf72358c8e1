export { auditHead, insertAudit, listAudit, type AuditRow } from './audit.store.js';
export {
  findCertificate,
  insertCertificate,
  isCompromisedKey,
  reserveSerial,
  type CertificateRow,
} from './certificate.store.js';
export { certificatesOf, listCertificateWindow, type Selection, type WindowRow } from './certificate-window.store.js';
export {
  crlParts,
  deleteCrlParts,
  insertCrl,
  insertCrlPart,
  lastCrl,
  lastCrlHeader,
  listCrlScopes,
  takeCrlNumber,
  type CrlHeader,
  type CrlPlace,
  type CrlRow,
} from './crl.store.js';
export {
  findEnrollmentToken,
  insertEnrollmentToken,
  spendEnrollmentToken,
  type EnrollmentTokenRow,
} from './enrollment-token.store.js';
export {
  countCertificates,
  CursorError,
  listCertificates,
  type CertificateFilter,
  type CertificatePage,
} from './inventory.store.js';
export { findIdempotency, insertIdempotency, type IdempotencyRow } from './idempotency.store.js';
export {
  findIssuer,
  insertCrossCertificate,
  insertIssuer,
  issuerUsage,
  listCrossCertificates,
  listIssuers,
  servicesOfIssuer,
  setIssuerState,
  type CrossCertificateRow,
  type IssuerRow,
  type IssuerUsage,
  type ServiceOfIssuer,
} from './issuer.store.js';
export type { MigrationStatus } from './migrations.js';
export { migrateStore, migrationStatus, openStore } from './open-store.js';
export {
  lastRevocationSequence,
  listReleases,
  markReleased,
  markRevoked,
  readRevocationPage,
  revokedShards,
  type ReleaseRow,
  type RevocationPage,
  type RevocationRow,
} from './revocation.store.js';
export type { Database, IssuerRole, IssuerState, Transaction } from './schema.js';
export { StoreError } from './store-error.js';
export { Store, type StoreOptions } from './store.js';
