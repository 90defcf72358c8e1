import type { Certificate } from '../certificate.js';
import { KeyUsage } from '../certificate-extensions.js';
import { sameName } from '../name.js';
import { Oid, oidName } from '../oids.js';
import { isSignedBy, isSupportedSignatureAlgorithm } from '../signature.js';
import { keyDefect } from './key-policy.js';
import { noRevAvailDefect } from './no-revocation.js';
import { defect, type Defect } from './path-failure.js';

/** Where a certificate stands in a path. */
export type Role = 'leaf' | 'intermediate' | 'anchor';

// RFC 5280 §4.2: those that this validation processes, here or while it builds paths.
const PROCESSED: ReadonlySet<string> = new Set([
  Oid.authorityKeyIdentifier,
  Oid.subjectKeyIdentifier,
  Oid.keyUsage,
  Oid.certificatePolicies,
  Oid.policyMappings,
  Oid.subjectAltName,
  Oid.basicConstraints,
  Oid.nameConstraints,
  Oid.policyConstraints,
  Oid.extendedKeyUsage,
  Oid.crlDistributionPoints,
  Oid.inhibitAnyPolicy,
]);

/** Whether this validation processes the extension, so that it may be critical. */
export const isProcessedExtension = (oid: string): boolean => PROCESSED.has(oid);

/** Whether issuer and subject are the same name (RFC 5280 §3.2): such a certificate need not be self-signed. */
export const isSelfIssued = (certificate: Certificate): boolean => sameName(certificate.issuer, certificate.subject);

/** Whether its own key signed it (RFC 5280 §3.2). A self-issued certificate whose algorithm is not verified here is taken to be: an old root's may be SHA-1. */
export const isSelfSigned = (certificate: Certificate): boolean =>
  isSelfIssued(certificate) &&
  (!isSupportedSignatureAlgorithm(certificate.signatureAlgorithm) || isSignedBy(certificate, certificate.publicKey));

/** What is wrong with a certificate in its role, whatever path it stands in, dates and profile apart (RFC 5280 §4.2, §6.1.4 k, n, o; RFC 9608 §3). */
export function certificateDefect(certificate: Certificate, role: Role): Defect | undefined {
  return (
    criticalExtensionDefect(certificate) ??
    keyDefect(certificate.publicKey.parameters) ??
    noRevAvailDefect(certificate) ??
    (role === 'leaf' ? undefined : caDefect(certificate, role))
  );
}

function criticalExtensionDefect({ extensions }: Certificate): Defect | undefined {
  for (const { oid, critical } of extensions.all.values())
    if (critical && !isProcessedExtension(oid))
      return defect(
        'unknown_critical_extension',
        'RFC 5280 §4.2',
        `the critical extension ${oidName(oid)} is not processed here`,
      );
  // §4.2.1.4: critical policies are understood with their qualifiers, or not at all.
  const foreign =
    extensions.all.get(Oid.certificatePolicies)?.critical &&
    [...extensions.policyQualifiers].find((type) => type !== Oid.cps && type !== Oid.userNotice);
  return foreign
    ? defect(
        'unknown_critical_extension',
        'RFC 5280 §4.2.1.4',
        `policies that are critical have a qualifier that is not known here, ${foreign}`,
      )
    : undefined;
}

/**
 * The certificate of an anchor must say that it is a CA, too (RFC 5937 §3.2). The one exception is a self-issued certificate of version 1 or 2, which cannot
 * say so, and which the operator chose by hand; `checkPath` verifies that it is self-signed.
 */
function caDefect(certificate: Certificate, role: 'intermediate' | 'anchor'): Defect | undefined {
  const { version, extensions } = certificate;
  if (version < 3)
    return role === 'anchor' && isSelfIssued(certificate)
      ? undefined
      : defect('not_a_ca', 'RFC 5280 §6.1.4 (k)', `a certificate of version ${version} cannot be a CA's`);
  if (!extensions.basicConstraints?.cA)
    return defect('not_a_ca', 'RFC 5280 §6.1.4 (k)', 'the issuing certificate is not a CA certificate');
  if (extensions.keyUsage && !extensions.keyUsage.has(KeyUsage.keyCertSign))
    return defect('key_usage', 'RFC 5280 §6.1.4 (n)', 'the issuing certificate may not sign certificates');
  return undefined;
}

/** Says whether `time` lies outside the validity, whose both ends are included (RFC 5280 §4.1.2.5). It is compared in whole seconds, as certificates have. */
export function dateDefect(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  time: Date,
): Defect | undefined {
  // Written so that an invalid Date is refused.
  if (!(wholeSeconds(time) >= notBefore.getTime()))
    return defect(
      'not_yet_valid',
      'RFC 5280 §6.1.3 (a)(2)',
      `the certificate is not valid before ${notBefore.toISOString()}`,
    );
  if (!(wholeSeconds(time) <= notAfter.getTime()))
    return defect('expired', 'RFC 5280 §6.1.3 (a)(2)', `the certificate expired at ${notAfter.toISOString()}`);
  return undefined;
}

const wholeSeconds = (time: Date): number => Math.floor(time.getTime() / 1000) * 1000;
