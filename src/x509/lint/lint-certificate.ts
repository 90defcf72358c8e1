import { authorityInfoAccess } from './certificate/authority-info-access.js';
import { authorityInfoAccessMethod } from './certificate/authority-info-access-method.js';
import { authorityKeyCertSign } from './certificate/authority-key-cert-sign.js';
import { authorityKeyIdentifier } from './certificate/authority-key-identifier.js';
import { authorityKeyIdentifierChaining } from './certificate/authority-key-identifier-chaining.js';
import { authorityKeyIdentifierPair } from './certificate/authority-key-identifier-pair.js';
import { basicConstraintsCritical } from './certificate/basic-constraints-critical.js';
import { criticality } from './certificate/criticality.js';
import { crlDistributionPoints } from './certificate/crl-distribution-points.js';
import { crlDistributionPointsIssuer } from './certificate/crl-distribution-points-issuer.js';
import { crlDistributionPointsReasons } from './certificate/crl-distribution-points-reasons.js';
import { extendedKeyUsage } from './certificate/extended-key-usage.js';
import { extendedKeyUsageAny } from './certificate/extended-key-usage-any.js';
import { extendedKeyUsageConsistent } from './certificate/extended-key-usage-consistent.js';
import { extendedKeyUsageNesting } from './certificate/extended-key-usage-nesting.js';
import { freshestCrl } from './certificate/freshest-crl.js';
import { inhibitAnyPolicyOfAuthority } from './certificate/inhibit-any-policy-of-authority.js';
import { issuerMayCertify } from './certificate/issuer-may-certify.js';
import { issuerNameChaining } from './certificate/issuer-name-chaining.js';
import { issuerNotEmpty } from './certificate/issuer-not-empty.js';
import { keyCertSignOfAuthority } from './certificate/key-cert-sign-of-authority.js';
import { keyUsage } from './certificate/key-usage.js';
import { keyUsageAgreement } from './certificate/key-usage-agreement.js';
import { keyUsageCritical } from './certificate/key-usage-critical.js';
import { keyUsageEc } from './certificate/key-usage-ec.js';
import { keyUsageEd25519 } from './certificate/key-usage-ed25519.js';
import { keyUsageKnown } from './certificate/key-usage-known.js';
import { keyUsageRsa } from './certificate/key-usage-rsa.js';
import { keyUsageRsaPss } from './certificate/key-usage-rsa-pss.js';
import { nameConstraints } from './certificate/name-constraints.js';
import { nameConstraintsCommonName } from './certificate/name-constraints-common-name.js';
import { nameConstraintsForm } from './certificate/name-constraints-form.js';
import { nameConstraintsOfAuthority } from './certificate/name-constraints-of-authority.js';
import { noRevAvailForm } from './certificate/no-rev-avail-form.js';
import { noRevAvailLists } from './certificate/no-rev-avail-lists.js';
import { noRevAvailOcsp } from './certificate/no-rev-avail-ocsp.js';
import { noRevAvailOfAuthority } from './certificate/no-rev-avail-of-authority.js';
import { ocspNoCheckForm } from './certificate/ocsp-no-check-form.js';
import { ocspNoCheckPurpose } from './certificate/ocsp-no-check-purpose.js';
import { ocspSigningAlone } from './certificate/ocsp-signing-alone.js';
import { pathLength } from './certificate/path-length.js';
import { pathLengthOfAuthority } from './certificate/path-length-of-authority.js';
import { policyConstraintsOfAuthority } from './certificate/policy-constraints-of-authority.js';
import { policyMappingsAny } from './certificate/policy-mappings-any.js';
import { policyMappingsOfAuthority } from './certificate/policy-mappings-of-authority.js';
import { publicKey } from './certificate/public-key.js';
import { selfIssuedAuthority } from './certificate/self-issued-authority.js';
import { serialNumberEntropy } from './certificate/serial-number-entropy.js';
import { serialNumberLength } from './certificate/serial-number-length.js';
import { serialNumberPositive } from './certificate/serial-number-positive.js';
import { signatureAlgorithm } from './certificate/signature-algorithm.js';
import { subjectAltName } from './certificate/subject-alt-name.js';
import { subjectAltNameDirectory } from './certificate/subject-alt-name-directory.js';
import { subjectAltNameDns } from './certificate/subject-alt-name-dns.js';
import { subjectAltNameEmail } from './certificate/subject-alt-name-email.js';
import { subjectAltNameUnique } from './certificate/subject-alt-name-unique.js';
import { subjectAltNameUri } from './certificate/subject-alt-name-uri.js';
import { subjectAlternative } from './certificate/subject-alternative.js';
import { subjectAttributeLength } from './certificate/subject-attribute-length.js';
import { subjectAttributeSyntax } from './certificate/subject-attribute-syntax.js';
import { subjectKeyIdentifier } from './certificate/subject-key-identifier.js';
import { subjectOfAuthority } from './certificate/subject-of-authority.js';
import { subjectStringType } from './certificate/subject-string-type.js';
import { tlsFeatureOfServer } from './certificate/tls-feature-of-server.js';
import { tlsFeatureStapling } from './certificate/tls-feature-stapling.js';
import { uniqueIdentifiers } from './certificate/unique-identifiers.js';
import { unknownCriticalExtension } from './certificate/unknown-critical-extension.js';
import { validityForm } from './certificate/validity-form.js';
import { validityOrder } from './certificate/validity-order.js';
import { validityWithinIssuer } from './certificate/validity-within-issuer.js';
import { version } from './certificate/version.js';
import { findingsOf, type CertificateLintRule, type CertificateLintSubject, type LintFinding } from './lint-rule.js';

/**
 * All rules for certificates, each in a file of its own. They do not repeat what `decodeCertificate` refuses: octets that are not strict DER, more
 * than 64 KiB, an extension that occurs twice, an extension of RFC 5280 that is malformed, times that are not in whole seconds and UTC, serial
 * numbers of more than 20 octets.
 */
export const certificateLintRules: readonly CertificateLintRule[] = [
  version,
  serialNumberPositive,
  serialNumberLength,
  serialNumberEntropy,
  signatureAlgorithm,
  issuerNotEmpty,
  issuerNameChaining,
  issuerMayCertify,
  selfIssuedAuthority,
  validityForm,
  validityOrder,
  validityWithinIssuer,
  uniqueIdentifiers,
  subjectOfAuthority,
  subjectAlternative,
  subjectStringType,
  subjectAttributeSyntax,
  subjectAttributeLength,
  publicKey,
  subjectAltName,
  subjectAltNameDns,
  subjectAltNameEmail,
  subjectAltNameUri,
  subjectAltNameDirectory,
  subjectAltNameUnique,
  basicConstraintsCritical,
  keyCertSignOfAuthority,
  authorityKeyCertSign,
  pathLengthOfAuthority,
  keyUsage,
  keyUsageKnown,
  keyUsageCritical,
  keyUsageAgreement,
  keyUsageEc,
  keyUsageEd25519,
  keyUsageRsa,
  keyUsageRsaPss,
  extendedKeyUsage,
  extendedKeyUsageAny,
  extendedKeyUsageNesting,
  extendedKeyUsageConsistent,
  authorityKeyIdentifier,
  authorityKeyIdentifierPair,
  authorityKeyIdentifierChaining,
  subjectKeyIdentifier,
  criticality,
  unknownCriticalExtension,
  crlDistributionPoints,
  crlDistributionPointsIssuer,
  crlDistributionPointsReasons,
  freshestCrl,
  authorityInfoAccess,
  authorityInfoAccessMethod,
  noRevAvailOfAuthority,
  noRevAvailForm,
  noRevAvailLists,
  noRevAvailOcsp,
  ocspNoCheckForm,
  ocspNoCheckPurpose,
  ocspSigningAlone,
  tlsFeatureOfServer,
  tlsFeatureStapling,
  pathLength,
  nameConstraints,
  nameConstraintsCommonName,
  nameConstraintsOfAuthority,
  nameConstraintsForm,
  policyMappingsOfAuthority,
  policyMappingsAny,
  policyConstraintsOfAuthority,
  inhibitAnyPolicyOfAuthority,
];

/**
 * The findings about a certificate that is about to be signed; empty when verifiers will accept it below `chain`. Pure. It does not look at the
 * signature, which does not exist yet, nor at the clock.
 */
export function lintCertificate(subject: CertificateLintSubject): LintFinding[] {
  // A certificate before version 3 has no extensions, so every rule about an extension would find something.
  return findingsOf(subject.certificate.version === 3 ? certificateLintRules : [version], subject);
}
