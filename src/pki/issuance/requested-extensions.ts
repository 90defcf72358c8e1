import { Oid, oidName, type CertificationRequest } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { keyUsageOf } from '../profile/key-usage.js';
import type { EndEntityProfile } from '../profile/profile.js';

/** Extensions that a request may hold; each is compared with the profile, and none is copied. */
const READ: ReadonlySet<string> = new Set([
  Oid.subjectAltName,
  Oid.basicConstraints,
  Oid.keyUsage,
  Oid.extendedKeyUsage,
  Oid.subjectKeyIdentifier,
]);

/**
 * Refuses a request that asks for more than its profile gives, instead of giving less in silence. Throws PkiError `ca_not_allowed`,
 * `key_usage_not_allowed`, `extended_key_usage_not_allowed` or `extension_not_allowed`. Names are not looked at here.
 */
export function checkRequestedExtensions(request: CertificationRequest, profile: EndEntityProfile): void {
  checkKnownExtensions(request, READ);
  const { extensions, publicKey } = request;
  const { basicConstraints, keyUsage, extendedKeyUsage } = extensions;
  if (basicConstraints && (basicConstraints.cA || basicConstraints.pathLenConstraint !== undefined))
    throw new PkiError('ca_not_allowed', 'the request asks for a CA certificate');
  const bits = keyUsageOf(profile, publicKey);
  if (keyUsage && [...keyUsage].some((bit) => !bits.includes(bit)))
    throw new PkiError(
      'key_usage_not_allowed',
      `the request asks for a key usage that profile ${profile.name} does not give`,
    );
  const foreign = extendedKeyUsage?.find((purpose) => !profile.purposes.includes(purpose));
  if (foreign !== undefined)
    throw new PkiError(
      'extended_key_usage_not_allowed',
      `the request asks for ${oidName(foreign)}, which profile ${profile.name} does not give`,
    );
  checkKeyIdentifier(request);
}

/** Refuses a request for the subjectKeyIdentifier of another key. Throws PkiError `extension_not_allowed`. */
export function checkKeyIdentifier({ extensions: { subjectKeyIdentifier }, publicKey }: CertificationRequest): void {
  if (subjectKeyIdentifier && Buffer.compare(subjectKeyIdentifier, publicKey.keyIdentifier) !== 0)
    throw new PkiError('extension_not_allowed', 'the request asks for a subjectKeyIdentifier that is not of its key');
}

/** Refuses a request for other extensions than `known`, or by an attribute that is not read. Throws PkiError `extension_not_allowed`. */
export function checkKnownExtensions(
  { extensions, attributes }: CertificationRequest,
  known: ReadonlySet<string>,
): void {
  if (attributes.includes(Oid.microsoftExtensionRequest))
    throw new PkiError(
      'extension_not_allowed',
      'the request asks for extensions in an attribute of Microsoft’s, which is not read: use extensionRequest (RFC 2985 §5.4.2)',
    );
  for (const oid of extensions.all.keys())
    if (!known.has(oid))
      throw new PkiError('extension_not_allowed', `the request asks for the extension ${oidName(oid)}`);
}
