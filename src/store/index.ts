export {
  auditHead,
  auditStatements,
  insertAudit,
  lastChangeOfAuthorities,
  listAudit,
  moveAuditHead,
  type AuditHead,
  type AuditRow,
} from './audit.store.js';
export {
  compromisedKeys,
  findCertificate,
  findIssued,
  insertCertificate,
  insertCertificates,
  issuanceStatements,
  reserveSerial,
  reserveSerials,
  type CertificateRow,
  type NewCertificateRow,
} from './certificate.store.js';
export {
  certificatesOf,
  countCertificateWindows,
  hasCertificate,
  listCertificateWindow,
  type Selection,
  type WindowRow,
} from './certificate-window.store.js';
export { checkSound } from './check-sound.js';
export {
  crlOctets,
  crlParts,
  deleteCrlParts,
  firstCurrentCrlHeader,
  forgetCrls,
  insertCrl,
  insertCrlPart,
  isFirstOfItsTime,
  lastCrlHeader,
  lastCrlNumber,
  listCrlScopes,
  raiseCrlFloor,
  takeCrlNumber,
  unplacedCrls,
  type CrlHeader,
  type CrlPlace,
} from './crl.store.js';
export {
  endEnrollmentTokens,
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
export { GatheredWrites } from './gathered-writes.js';
export { findIdempotency, insertIdempotency } from './idempotency.store.js';
export {
  activeIssuers,
  findIssuer,
  insertCrossCertificate,
  insertIssuer,
  issuerUsage,
  listCrossCertificates,
  listIssuers,
  responderService,
  servicesOfIssuer,
  setIssuerState,
  type CrossCertificateRow,
  type IssuerRow,
  type IssuerUsage,
  type ServiceOfIssuer,
} from './issuer.store.js';
export { migrateWithin, migrationsThrough, SCHEMA, type MigrationStatus } from './migrations.js';
export { migrateStore, migrationStatus, openStore } from './open-store.js';
export type { ReadingThread } from './reading-thread.js';
export {
  readPage,
  revocationPage,
  revokedSerialPage,
  type PageQuery,
  type RevocationPart,
} from './revocation-page.store.js';
export {
  insertRevokedSerial,
  lastRevocationSequence,
  listReleases,
  markReleased,
  markRevoked,
  serialStatuses,
} from './revocation.store.js';
export type { Database, IssuerRole, IssuerState, Transaction } from './schema.js';
export {
  addShadowCounts,
  findServiceChange,
  insertServiceChange,
  lastServiceSequence,
  listServiceChanges,
  listShadowCounts,
  serviceHistory,
  type ServiceChangeRow,
  type ShadowCountRow,
} from './service.store.js';
export { StoreError, type StoreErrorCode } from './store-error.js';
export { StoreFollower } from './store-follower.js';
export { Store, type Exchange, type StoreOptions, type Topic } from './store.js';
export {
  countRows,
  hasRows,
  insertRows,
  tablePages,
  tableShapes,
  type TableShape,
  type TableValue,
} from './table.store.js';
export { findPolicy, setPolicy } from './policy.store.js';
export {
  forgetUnlistedPeers,
  issuerSeenAt,
  noteIssuerSeen,
  noteUnlistedPeer,
  unlistedPeers,
  unlistedSerials,
} from './peer.store.js';
export { runTogether, type TogetherStatement, type WholeWork } from './together.js';
