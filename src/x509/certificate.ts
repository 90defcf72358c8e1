import { hash } from 'node:crypto';
import { context, contextConstructed, DerReader, Tag, timeTagOf } from '../der/index.js';
import { decodeAlgorithmIdentifier, type AlgorithmIdentifier } from './algorithm.js';
import { decodeCertificateExtensions, type CertificateExtensions } from './certificate-extensions.js';
import { encodeSigned } from './encode.js';
import { decodeExtensions, type Extension } from './extension.js';
import { decodeName, type Name } from './name.js';
import { octetsFromPemOrDer } from './pem.js';
import { decodeSubjectPublicKeyInfo, type SubjectPublicKeyInfo } from './public-key.js';

/** 64 KiB: a certificate with hundreds of names fits, and nothing larger is read as one. */
export const MAX_CERTIFICATE_OCTETS = 64 * 1024;

/**
 * A certificate (RFC 5280 §4.1) whose octets are strict DER: it is well formed, and no more is known of it. `validatePath` says whether to trust it. Octets
 * are views on what was read.
 */
export class Certificate {
  readonly der: Uint8Array;
  /** tbsCertificate, the octets that are signed. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2 | 3;
  /** The number in lower-case hexadecimal, two digits for each octet, without a leading zero octet; with `-` in front when it is negative. */
  readonly serialNumber: string;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly issuer: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whether each date is written in the type that its year requires (RFC 5280 §4.1.2.5); either type is read for any year. */
  readonly datesInForm: boolean;
  readonly subject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  /** Whether there is an issuerUniqueID or a subjectUniqueID (RFC 5280 §4.1.2.8): what they say is not read. */
  readonly hasUniqueIdentifier: boolean;
  readonly extensions: CertificateExtensions;
  readonly signature: Uint8Array;

  /** Reads `octets`: see {@link decodeCertificate}. */
  constructor(octets: Uint8Array) {
    const reader = DerReader.bounded(octets, MAX_CERTIFICATE_OCTETS, 'certificate');
    const certificate = reader.enter(Tag.SEQUENCE, 'certificate');
    const start = certificate.offset;
    const tbs = certificate.enter(Tag.SEQUENCE, 'tbsCertificate');
    this.der = octets;
    this.tbs = certificate.since(start);
    const algorithmStart = certificate.offset;
    this.signatureAlgorithm = decodeAlgorithmIdentifier(certificate, 'signatureAlgorithm');
    this.signature = certificate.wholeOctets('signatureValue');
    certificate.end('certificate');
    reader.end('certificate');

    this.version = decodeVersion(tbs);
    this.serialNumber = decodeSerialNumber(tbs, 'serialNumber');
    const inner = decodeAlgorithmIdentifier(tbs, 'signature');
    // RFC 5280 §4.1.1.2: both fields hold the same algorithm identifier; the outer one is not signed.
    if (Buffer.compare(inner.der, this.signatureAlgorithm.der) !== 0)
      reader.fail('the two signature algorithms differ', algorithmStart);
    this.issuer = decodeName(tbs, 'issuer');
    const validity = tbs.enter(Tag.SEQUENCE, 'validity');
    const notBeforeTag = validity.peek();
    this.notBefore = validity.time('notBefore');
    const notAfterTag = validity.peek();
    this.notAfter = validity.time('notAfter');
    this.datesInForm = notBeforeTag === timeTagOf(this.notBefore) && notAfterTag === timeTagOf(this.notAfter);
    validity.end('validity');
    this.subject = decodeName(tbs, 'subject');
    this.publicKey = decodeSubjectPublicKeyInfo(tbs, 'subjectPublicKeyInfo');
    this.hasUniqueIdentifier = skipUniqueIdentifiers(tbs, this.version);
    this.extensions = decodeCertificateExtensions(decodeTbsExtensions(tbs, this.version), reader);
    tbs.end('tbsCertificate');
  }

  /** The same tbsCertificate under `signature`, of which nothing is read again. */
  withSignature(signature: Uint8Array): Certificate {
    const der = encodeSigned(this.tbs, this.signatureAlgorithm, signature);
    return Object.assign(Object.create(Certificate.prototype) as Certificate, this, { der, signature });
  }

  /** SHA-256 over `der`, lower-case hexadecimal. */
  get fingerprint256(): string {
    let fingerprint = fingerprints.get(this);
    if (fingerprint === undefined) fingerprints.set(this, (fingerprint = hash('sha256', this.der)));
    return fingerprint;
  }
}

// Not in the certificates, so that equal ones are equal whether somebody has asked or not.
const fingerprints = new WeakMap<Certificate, string>();

/**
 * Reads one DER certificate of at most 64 KiB, every extension of RFC 5280 included.
 * Throws DecodeError with the offset of what is not strict DER, or not in the form of RFC 5280 §4.1.
 */
export function decodeCertificate(octets: Uint8Array): Certificate {
  return new Certificate(octets);
}

/** Reads every certificate of PEM, in order, or the one that is DER. Throws DecodeError, also when there is none. */
export function decodeCertificates(input: string | Uint8Array): [Certificate, ...Certificate[]] {
  const [first, ...others] = octetsFromPemOrDer(input, 'CERTIFICATE');
  return [decodeCertificate(first), ...others.map(decodeCertificate)];
}

/** Steps over the unique identifiers. True when there is one. */
function skipUniqueIdentifiers(tbs: DerReader, version: number): boolean {
  const start = tbs.offset;
  for (const tag of [context(1), context(2)]) if (tbs.has(tag)) tbs.bitString('uniqueIdentifier', tag);
  if (tbs.offset === start) return false;
  if (version < 2) tbs.fail('a unique identifier in a certificate of version 1', start);
  return true;
}

function decodeVersion(tbs: DerReader): 1 | 2 | 3 {
  const start = tbs.offset;
  const explicit = tbs.enterIf(contextConstructed(0), 'version');
  if (!explicit) return 1;
  const version = explicit.smallInteger('version');
  explicit.end('version');
  // DER leaves the default, v1, out (X.690 §11.5).
  if (version !== 1 && version !== 2) tbs.fail('version is not 2 or 3', start);
  return version === 1 ? 2 : 3;
}

function decodeTbsExtensions(tbs: DerReader, version: number): ReadonlyMap<string, Extension> {
  const explicit = tbs.enterIf(contextConstructed(3), 'extensions');
  if (!explicit) return new Map();
  if (version < 3) tbs.fail('extensions in a certificate before version 3');
  const extensions = decodeExtensions(explicit, 'extensions');
  explicit.end('extensions');
  return extensions;
}

/** Reads a CertificateSerialNumber of at most 20 octets and a sign (RFC 5280 §4.1.2.2), as {@link Certificate.serialNumber}. Throws DecodeError. */
export function decodeSerialNumber(reader: DerReader, what: string): string {
  const start = reader.offset;
  const octets = reader.integer(what);
  if (octets.length > 21 || (octets.length === 21 && octets[0] !== 0)) reader.fail(`${what} is over 20 octets`, start);
  return serialNumberToHex(octets);
}

function serialNumberToHex(octets: Uint8Array): string {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  if ((octets[0] ?? 0) < 0x80)
    return (octets.length > 1 && octets[0] === 0 ? buffer.subarray(1) : buffer).toString('hex');
  const magnitude = (-BigInt.asIntN(octets.length * 8, BigInt(`0x${buffer.toString('hex')}`))).toString(16);
  return `-${magnitude.length % 2 ? '0' : ''}${magnitude}`;
}
