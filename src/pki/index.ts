export { CaService } from './ca.service.js';
export { issuingOf, type IssueRequest } from './issuance/issuance.js';
export type { IssuedCertificate } from './issuance/issued-certificate.js';
export {
  openCertificationAuthority,
  openLists,
  type CertificationAuthority,
  type CertificationAuthorityOptions,
} from './certification-authority.js';
export { CrlSchedule } from './crl/crl-schedule.js';
export { readPublished, type PublishedCrl } from './crl/crl-publication.js';
export { crlFileName } from './crl/crl-scope.js';
export { CrlService, needsCrl } from './crl/crl.service.js';
export { createDevelopmentMaterial, type DevelopmentFile } from './development/development-material.js';
export { certificateRecord, type CertificateRecord } from './inventory/certificate-record.js';
export { EnrollmentService, type EnrollmentTerms, type EnrollmentToken } from './enrollment/enrollment.service.js';
export { keyDigest } from './issuance/accepted-request.js';
export { checkServiceName } from './issuance/name-policy.js';
export { newKeyFor } from './issuance/own-key.js';
export { requestFor } from './issuance/own-request.js';
export { signerOf, type Authority } from './issuer/authority.js';
export { openKeyFile, type KeyFile } from './issuer/file-signer.js';
export type { AuthorityKeyType } from './issuer/new-key.js';
export { wipePassphrases } from './issuer/passphrase.js';
export { readSecretFile } from './issuer/secret-file.js';
export type { Signer } from './issuer/signer.js';
export { OcspService, type OcspAnswer } from './ocsp/ocsp.service.js';
export { PKI_ERRORS, PkiError, type PkiErrorCode } from './pki-error.js';
/** What every call of the CA throws besides PkiError. */
export { StoreError, type StoreErrorCode } from '../store/index.js';
export type { PkiSettings, Requester } from './pki-settings.js';
export { isAuthorityProfile, isIntermediateProfile, KEY_TYPES, type KeyType } from './profile/profile.js';
export type { NameRuleTexts } from './profile/name-rules.js';
export { PURPOSES, type KeyUsageName, type ProfileDefinition, type Purpose } from './profile/profile-definition.js';
export { Profiles } from './profile/profiles.js';
export type { RequesterRuleTexts, RequestingService } from './profile/requesters.js';
export { ReservedNames } from './profile/reserved-names.js';
export { ensureFolder, ensurePrivateFolder, holdsPrivateKey, replaceFile } from './publication/atomic-file.js';
export { revocationReasons, type RevocationReason } from './revocation/reason.js';
export { ExternalRootService, type InstalledAuthority, type InstalledCrl } from './rollover/external-root.service.js';
export { ROLLOVER_STEPS, type RolloverStep, type RolloverTarget, type StateChange } from './rollover/rollover-plan.js';
export { RolloverService, type RolloverOutcome, type RolloverRequest } from './rollover/rollover.service.js';
export type { IssuerStanding } from './rollover/rollover-status.js';
export { RevocationRegistry, type RegistryStatus } from './revocation/revocation-registry.js';
export { RevocationService, type Revocation, type RevocationRequest } from './revocation/revocation.service.js';
export { decryptFromAge, encryptForAge, type AgeKey, type AgeRecipient } from './backup/age-file.js';
export type { BackupFile, BackupManifest } from './backup/backup-format.js';
export { BackupReader } from './backup/backup-reader.js';
export { backUp } from './backup/backup-writer.js';
export type { PublishedList } from './backup/published-crl.js';
export { restore, type Restored } from './backup/restore.js';
