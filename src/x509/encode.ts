import { sign, type KeyObject } from 'node:crypto';
import { context, contextConstructed, Tag, write } from '../der/index.js';
import type { AlgorithmIdentifier } from './algorithm.js';
import type {
  AccessDescription,
  AuthorityKeyIdentifier,
  BasicConstraints,
  NameConstraints,
} from './certificate-extensions.js';
import { encodeDistributionPointName, encodeDistributionPoints } from './distribution-point.js';
import { encodeExtensions, type Extension } from './extension.js';
import { encodeGeneralName, type GeneralName } from './general-name.js';
import type { Name } from './name.js';
import { Oid } from './oids.js';
import type { SubjectPublicKeyInfo } from './public-key.js';
import { signingSchemeFor } from './signature.js';

/** What a tbsCertificate of version 3 holds (RFC 5280 §4.1.2). `serialNumber`: big-endian magnitude. */
export interface TbsCertificate {
  readonly serialNumber: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly issuer: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly subject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly extensions: readonly Extension[];
}

const VERSION_3 = write.explicit(0, write.integer(2));

/** The octets of a tbsCertificate. Throws RangeError when a time lies outside the years 0–9999. */
export function encodeTbsCertificate(tbs: TbsCertificate): Uint8Array {
  return write.sequence(
    VERSION_3,
    write.integer(tbs.serialNumber),
    tbs.signatureAlgorithm.der,
    tbs.issuer.der,
    write.sequence(write.time(tbs.notBefore), write.time(tbs.notAfter)),
    tbs.subject.der,
    tbs.publicKey.der,
    ...(tbs.extensions.length > 0 ? [write.explicit(3, encodeExtensions(tbs.extensions))] : []),
  );
}

/** What a tbsCertList of version 2 holds (RFC 5280 §5.1.2). */
export interface TbsCertList {
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Entries as {@link encodeRevokedCertificate} makes them. */
  readonly revokedCertificates: readonly Uint8Array[];
  readonly extensions: readonly Extension[];
}

/**
 * The octets of a tbsCertList before and after its entries, which have `length` octets and are made by {@link encodeRevokedCertificate}: a list may be larger
 * than should be in memory. An empty list of entries, or of extensions, is left out (RFC 5280 §5.1.2.6).
 */
export function encodeAroundEntries(
  tbs: Omit<TbsCertList, 'revokedCertificates'>,
  length: number,
): { readonly before: Uint8Array; readonly after: Uint8Array } {
  const after = tbs.extensions.length > 0 ? write.explicit(0, encodeExtensions(tbs.extensions)) : new Uint8Array(0);
  const start = [
    write.integer(1),
    tbs.signatureAlgorithm.der,
    tbs.issuer.der,
    write.time(tbs.thisUpdate),
    write.time(tbs.nextUpdate),
    ...(length > 0 ? [write.encodeHeader(Tag.SEQUENCE, length)] : []),
  ];
  const size = start.reduce((sum, part) => sum + part.length, length + after.length);
  return { before: Buffer.concat([write.encodeHeader(Tag.SEQUENCE, size), ...start]), after };
}

/** The octets of a tbsCertList whose entries are in memory. */
export function encodeTbsCertList(tbs: TbsCertList): Uint8Array {
  const entries = Buffer.concat(tbs.revokedCertificates);
  const { before, after } = encodeAroundEntries(tbs, entries.length);
  return Buffer.concat([before, entries, after]);
}

/** One entry. The reason `unspecified` is left out, as RFC 5280 §5.3.1 asks. `serialNumber` is the big-endian magnitude. */
export function encodeRevokedCertificate(entry: {
  readonly serialNumber: Uint8Array;
  readonly revocationDate: Date;
  readonly reason: number;
  readonly invalidityDate?: Date | undefined;
}): Uint8Array {
  const { reason, invalidityDate } = entry;
  const extensions = [
    ...(reason === 0 ? [] : [extension(Oid.reasonCode, false, write.integer(reason, Tag.ENUMERATED))]),
    ...(invalidityDate ? [extension(Oid.invalidityDate, false, write.generalizedTime(invalidityDate))] : []),
  ];
  return write.sequence(
    write.integer(entry.serialNumber),
    write.time(entry.revocationDate),
    ...(extensions.length > 0 ? [encodeExtensions(extensions)] : []),
  );
}

/** Joins the signed octets, the algorithm and the signature into the outer SEQUENCE of certificates, CRLs and requests. */
export function encodeSigned(tbs: Uint8Array, algorithm: AlgorithmIdentifier, signature: Uint8Array): Uint8Array {
  return write.sequence(tbs, algorithm.der, write.bitString(signature));
}

/** Signs with node:crypto by the algorithm of {@link signingSchemeFor}. Throws RangeError for a key that has none. */
export function signOctets(
  octets: Uint8Array,
  key: KeyObject,
): { readonly algorithm: AlgorithmIdentifier; readonly signature: Uint8Array } {
  const { algorithm, digest, options } = signingSchemeFor(key);
  return { algorithm, signature: sign(digest, octets, options ? { key, ...options } : key) };
}

const extension = (oid: string, critical: boolean, value: Uint8Array): Extension => ({ oid, critical, value });

/** Extensions of RFC 5280 §4.2 and §5.2, each with the criticality that the section asks for. */
export const encodeExtensionOf = {
  authorityKeyIdentifier: ({ keyIdentifier }: Pick<AuthorityKeyIdentifier, 'keyIdentifier'>): Extension =>
    extension(
      Oid.authorityKeyIdentifier,
      false,
      write.sequence(...(keyIdentifier ? [write.octetString(keyIdentifier, context(0))] : [])),
    ),
  subjectKeyIdentifier: (keyIdentifier: Uint8Array): Extension =>
    extension(Oid.subjectKeyIdentifier, false, write.octetString(keyIdentifier)),
  keyUsage: (bits: Iterable<number>): Extension => extension(Oid.keyUsage, true, write.namedBits(bits)),
  basicConstraints: ({ cA, pathLenConstraint }: BasicConstraints): Extension =>
    extension(
      Oid.basicConstraints,
      true,
      write.sequence(
        ...(cA ? [write.boolean(true)] : []),
        ...(pathLenConstraint === undefined ? [] : [write.integer(pathLenConstraint)]),
      ),
    ),
  extendedKeyUsage: (purposes: readonly string[]): Extension =>
    extension(Oid.extendedKeyUsage, false, write.sequence(...purposes.map((purpose) => write.oid(purpose)))),
  /** Critical exactly when the subject is empty (RFC 5280 §4.2.1.6). */
  subjectAltName: (names: readonly GeneralName[], critical = false): Extension =>
    extension(Oid.subjectAltName, critical, write.sequence(...names.map(encodeGeneralName))),
  nameConstraints: ({ permittedSubtrees, excludedSubtrees }: NameConstraints): Extension =>
    extension(
      Oid.nameConstraints,
      true,
      write.sequence(...encodeSubtrees(0, permittedSubtrees), ...encodeSubtrees(1, excludedSubtrees)),
    ),
  certificatePolicies: (policies: readonly string[]): Extension =>
    extension(
      Oid.certificatePolicies,
      false,
      write.sequence(...policies.map((policy) => write.sequence(write.oid(policy)))),
    ),
  crlDistributionPoints: (urls: readonly string[]): Extension =>
    extension(Oid.crlDistributionPoints, false, encodeDistributionPoints(urls)),
  authorityInfoAccess: (descriptions: readonly AccessDescription[]): Extension =>
    extension(
      Oid.authorityInfoAccess,
      false,
      write.sequence(
        ...descriptions.map(({ accessMethod, accessLocation }) =>
          write.sequence(write.oid(accessMethod), encodeGeneralName(accessLocation)),
        ),
      ),
    ),
  /** RFC 9608 §2. */
  noRevAvail: (): Extension => extension(Oid.noRevAvail, false, write.nullElement()),
  /** RFC 6960 §4.2.2.2.1. */
  ocspNoCheck: (): Extension => extension(Oid.ocspNoCheck, false, write.nullElement()),
  /** RFC 9654 §2.1: 1 to 128 octets. */
  ocspNonce: (nonce: Uint8Array): Extension => extension(Oid.ocspNonce, false, write.octetString(nonce)),
  /** RFC 6960 §4.4.4. */
  ocspArchiveCutoff: (since: Date): Extension => extension(Oid.ocspArchiveCutoff, false, write.generalizedTime(since)),
  /** RFC 6960 §4.4.8. */
  ocspExtendedRevoke: (): Extension => extension(Oid.ocspExtendedRevoke, false, write.nullElement()),
  /** RFC 7633 §4.1: TLS extensions that the server must answer. */
  tlsFeature: (features: readonly number[]): Extension =>
    extension(Oid.tlsFeature, false, write.sequence(...features.map((feature) => write.integer(feature)))),
  crlNumber: (number: bigint): Extension => extension(Oid.crlNumber, false, write.integer(number)),
  deltaCrlIndicator: (base: bigint): Extension => extension(Oid.deltaCrlIndicator, true, write.integer(base)),
  freshestCrl: (urls: readonly string[]): Extension =>
    extension(Oid.freshestCrl, false, encodeDistributionPoints(urls)),
  /** For a list that covers the certificates that name this point by one of these URLs, and no others. */
  issuingDistributionPoint: (...urls: readonly string[]): Extension =>
    extension(Oid.issuingDistributionPoint, true, write.sequence(encodeDistributionPointName(urls))),
} as const;

function encodeSubtrees(number: number, subtrees: readonly GeneralName[]): Uint8Array[] {
  if (subtrees.length === 0) return [];
  return [
    write.element(contextConstructed(number), ...subtrees.map((base) => write.sequence(encodeGeneralName(base)))),
  ];
}
