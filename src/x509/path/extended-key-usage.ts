import type { Certificate } from '../certificate.js';
import { KeyUsage } from '../certificate-extensions.js';
import { Oid, oidName } from '../oids.js';
import { defect, type Defect } from './path-failure.js';
import type { Role } from './certificate-rules.js';

const PURPOSES: ReadonlyMap<string, string> = new Map([
  ['serverAuth', Oid.serverAuth],
  ['clientAuth', Oid.clientAuth],
  ['codeSigning', Oid.codeSigning],
  ['emailProtection', Oid.emailProtection],
  ['timeStamping', Oid.timeStamping],
  ['ocspSigning', Oid.ocspSigning],
  ['OCSPSigning', Oid.ocspSigning],
  ['anyExtendedKeyUsage', Oid.anyExtendedKeyUsage],
]);

// RFC 5280 §4.2.1.12: the key usages that are consistent with a purpose, one of which is enough.
const CONSISTENT: ReadonlyMap<string, readonly number[]> = new Map([
  [Oid.serverAuth, [KeyUsage.digitalSignature, KeyUsage.keyEncipherment, KeyUsage.keyAgreement]],
  [Oid.clientAuth, [KeyUsage.digitalSignature, KeyUsage.keyAgreement]],
  [Oid.codeSigning, [KeyUsage.digitalSignature]],
  [
    Oid.emailProtection,
    [KeyUsage.digitalSignature, KeyUsage.nonRepudiation, KeyUsage.keyEncipherment, KeyUsage.keyAgreement],
  ],
  [Oid.timeStamping, [KeyUsage.digitalSignature, KeyUsage.nonRepudiation]],
  [Oid.ocspSigning, [KeyUsage.digitalSignature, KeyUsage.nonRepudiation]],
]);

/** The OID of a purpose, given by its name (`clientAuth`) or as dotted OID. Throws RangeError for anything else, such as a misspelt name. */
export function purposeOid(purpose: string): string {
  const oid = PURPOSES.get(purpose) ?? purpose;
  if (!/^[0-2](\.\d+)+$/.test(oid)) throw new RangeError(`${JSON.stringify(purpose)} is not an extended key usage`);
  return oid;
}

/**
 * Whether a certificate serves all `purposes` (OIDs) in its role: a leaf's extendedKeyUsage lists them, and a CA's, when it has one, permits them. RFC 5280
 * §4.2.1.12 gives the extension a meaning in end entities only, but every relying party lets it nest through CAs. A leaf without the extension is not
 * restricted, unless it is `required`. anyExtendedKeyUsage stands for no purpose in particular in a leaf, and for all in a CA.
 */
export function extendedKeyUsageDefect(
  { extensions }: Certificate,
  role: Role,
  purposes: readonly string[],
  required: boolean,
): Defect | undefined {
  const usages = extensions.extendedKeyUsage;
  if (!usages && !(role === 'leaf' && required && purposes.length > 0)) return undefined;
  if (role !== 'leaf' && usages?.includes(Oid.anyExtendedKeyUsage)) return undefined;
  const missing = purposes.find((purpose) => !usages?.includes(purpose));
  return missing === undefined
    ? undefined
    : defect(
        'extended_key_usage',
        'RFC 5280 §4.2.1.12',
        `the certificate is not for ${oidName(missing)}${role === 'leaf' ? '' : ', nor may its CA issue for it'}`,
      );
}

/** Whether a leaf's keyUsage, when it has one, fits `purposes` (RFC 5280 §4.2.1.12). */
export function leafKeyUsageDefect({ extensions }: Certificate, purposes: readonly string[]): Defect | undefined {
  const { keyUsage } = extensions;
  const unfit = keyUsage && purposes.find((purpose) => CONSISTENT.get(purpose)?.every((bit) => !keyUsage.has(bit)));
  return unfit === undefined
    ? undefined
    : defect('key_usage', 'RFC 5280 §4.2.1.12', `the key usage does not allow ${oidName(unfit)}`);
}
