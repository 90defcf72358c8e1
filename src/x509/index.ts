export { DecodeError } from '../der/index.js';
export { isAbsoluteUri } from './absolute-uri.js';
export { algorithmIdentifier, type AlgorithmIdentifier } from './algorithm.js';
export {
  KeyUsage,
  keyUsageName,
  TlsFeature,
  type AccessDescription,
  type BasicConstraints,
  type CertificateExtensions,
  type NameConstraints,
} from './certificate-extensions.js';
export { CertificateList, decodeCertificateList, MAX_CRL_OCTETS } from './certificate-list.js';
export { Certificate, decodeCertificate, MAX_CERTIFICATE_OCTETS } from './certificate.js';
export {
  CertificationRequest,
  decodeCertificationRequest,
  readCertificationRequest,
  encodeCertificationRequestInfo,
  ProofOfPossessionError,
} from './certification-request.js';
export {
  encodeAroundEntries,
  encodeExtensionOf,
  encodeRevokedCertificate,
  encodeSigned,
  encodeTbsCertificate,
  encodeTbsCertList,
  signOctets,
  type TbsCertificate,
  type TbsCertList,
} from './encode.js';
export type { Extension } from './extension.js';
export {
  generalNameFromString,
  generalNameToString,
  ipFromString,
  ipToString,
  type GeneralName,
  type GeneralNameKind,
} from './general-name.js';
export { certificateLintRules, lintCertificate } from './lint/lint-certificate.js';
export { CrlEntriesLint } from './lint/crl-entries-lint.js';
export { crlLintRules, lintCrl } from './lint/lint-crl.js';
export { distributionPointsOf, reasonsInScope, sameScope, ALL_REASONS } from './path/crl-scope.js';
export {
  findingsOf,
  lintFindingToString,
  type CertificateLintRule,
  type CertificateLintSubject,
  type CrlLintRule,
  type CrlLintSubject,
  type LintedEntry,
  type LintFinding,
  type LintRule,
} from './lint/lint-rule.js';
export { attributeValues, encodeName, isEmptyName, nameFrom, nameToString, sameName, type Name } from './name.js';
export { Oid, oidName } from './oids.js';
export { decodePem, encodePem, octetsFromPemOrDer, type PemBlock } from './pem.js';
export { SubjectPublicKeyInfo, subjectPublicKeyInfoOf, UnusableKeyError, type KeyParameters } from './public-key.js';
export { RevocationIndex } from './revocation-index.js';
export { CrlReason, type CrlReasonName, type RevokedCertificate } from './revoked-certificate.js';
export { RevokedCertificateScanner } from './revoked-certificate-scanner.js';
export { secondOpinion, secondOpinionOnList, secondOpinionOnRequest } from './second-opinion.js';
export { serialNumberFromString } from './serial-number.js';
export {
  isSupportedSignatureAlgorithm,
  signAside,
  signInParts,
  signingSchemeFor,
  verifySignature,
  verifySignatureInSlices,
  wholeInParts,
  type SignatureInParts,
  type SigningScheme,
} from './signature.js';
export { needsNoRevocationStatus } from './path/no-revocation.js';
export { ValidatedPath } from './path/validated-path.js';
export type { FailedCertificate, PathFailure, PathFailureCode } from './path/path-failure.js';
export type { PeerName } from './path/peer-names.js';
export {
  validateCertificatePath,
  validatePath,
  type CertificatePathInput,
  type PathInput,
  type PathOptions,
  type PathResult,
} from './path/validate-path.js';
