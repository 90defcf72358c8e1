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
export { CrlRefusedError, indexCrl, restoreCrlIndex, staleness, type CrlIndex, type CrlIndexing } from './crl-index.js';
export { Certificate, decodeCertificate, decodeCertificates, MAX_CERTIFICATE_OCTETS } from './certificate.js';
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
export { encodedOnce, type Extension } from './extension.js';
export {
  generalNameFromString,
  isSubtreeWithin,
  subtreeFromString,
  generalNameToString,
  ipFromString,
  ipToString,
  type GeneralName,
  type GeneralNameKind,
} from './general-name.js';
export { certificateLintRules, lintCertificate } from './lint/lint-certificate.js';
export { CrlEntriesLint } from './lint/crl-entries-lint.js';
export { crlEntryLintRules, crlLintRules, lintCrl } from './lint/lint-crl.js';
export { lintOcsp, ocspLintRules } from './lint/lint-ocsp.js';
export { distributionPointsOf, reasonsInScope, sameScope, ALL_REASONS } from './path/crl-scope.js';
export {
  findingsOf,
  lintFindingToString,
  type CertificateLintRule,
  type CertificateLintSubject,
  type CrlEntryLintRule,
  type CrlLintRule,
  type CrlLintSubject,
  type LintedEntry,
  type LintFinding,
  type LintRule,
  type OcspLintRule,
  type OcspLintSubject,
} from './lint/lint-rule.js';
export { attributeValues, encodeName, isEmptyName, nameFrom, nameToString, sameName, type Name } from './name.js';
export { Oid, oidName } from './oids.js';
export {
  certIdOf,
  isCertIdOf,
  issuerDigests,
  type CertId,
  type CertIdDigest,
  type CertIdIssuer,
} from './ocsp/cert-id.js';
export {
  encodeBasicOcspResponse,
  encodeOcspError,
  encodeOcspResponse,
  encodeResponseData,
  type ResponseDataFields,
  type SingleResponseFields,
} from './ocsp/encode-ocsp-response.js';
export {
  decodeOcspRequest,
  encodeOcspRequest,
  MAX_OCSP_REQUEST_OCTETS,
  type OcspRequest,
} from './ocsp/ocsp-request.js';
export {
  decodeOcspResponse,
  MAX_OCSP_RESPONSE_OCTETS,
  OcspResponseStatus,
  type BasicOcspResponse,
  type CertStatus,
  type OcspResponse,
  type OcspResponseStatusName,
  type SingleResponse,
} from './ocsp/ocsp-response.js';
export {
  verifyOcspResponse,
  type OcspFailureCode,
  type OcspVerdict,
  type OcspVerification,
} from './ocsp/verify-ocsp-response.js';
export { decodePem, encodePem, octetsFromPemOrDer, type PemBlock } from './pem.js';
export {
  sameKey,
  SubjectPublicKeyInfo,
  subjectPublicKeyInfoOf,
  UnusableKeyError,
  type KeyParameters,
} from './public-key.js';
export { RevocationIndex, type RevocationTable } from './revocation-index.js';
export { CrlReason, type CrlReasonName, type RevokedCertificate } from './revoked-certificate.js';
export { RevokedCertificateScanner } from './revoked-certificate-scanner.js';
export { secondOpinion, secondOpinionOnList, secondOpinionOnRequest } from './second-opinion.js';
export { serialNumberFromString } from './serial-number.js';
export {
  isSignedBy,
  isSupportedSignatureAlgorithm,
  signAside,
  signingSchemeFor,
  verifySignature,
  type Hash,
  type SigningScheme,
} from './signature.js';
export { isSpiffeId, isTrustDomain, isWorkloadId, spiffeIdOf, trustDomainOf, urisOf } from './spiffe-id.js';
export { isSelfSigned } from './path/certificate-rules.js';
export { needsNoRevocationStatus } from './path/no-revocation.js';
export { constraintAgainstDnsName } from './path/name-constraints.js';
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
