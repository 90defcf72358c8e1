import { hash } from 'node:crypto';
import { Tag, write, type DerReader } from '../../der/index.js';
import { algorithmIdentifier, decodeAlgorithmIdentifier } from '../algorithm.js';
import { decodeSerialNumber, type Certificate } from '../certificate.js';
import { Oid } from '../oids.js';

// SHA-512: no digest that anybody names an issuer by is longer.
const MAX_DIGEST_OCTETS = 64;

/** Digests that name an issuer: a name and not a protection, which is why SHA-1 is among them (RFC 6960 §4.3). */
export type CertIdDigest = 'sha1' | 'sha256';

const DIGESTS: Readonly<Record<string, CertIdDigest>> = { [Oid.sha1]: 'sha1', [Oid.sha256]: 'sha256' };

/** CertID (RFC 6960 §4.1.1): a certificate by digests of its issuer's name and key, and its serial number. */
export interface CertId {
  /** The whole element, as an answer repeats it. */
  readonly der: Uint8Array;
  /** Undefined for any other digest: no issuer is known by it. */
  readonly digest: CertIdDigest | undefined;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** As {@link Certificate.serialNumber}. */
  readonly serialNumber: string;
}

/** Who issued something, as far as a CertID says. */
export type CertIdIssuer = Pick<Certificate, 'subject' | 'publicKey'>;

/** Reads a CertID. Throws DecodeError. */
export function decodeCertId(reader: DerReader): CertId {
  const start = reader.offset;
  const sequence = reader.enter(Tag.SEQUENCE, 'certID');
  const { oid, parameters } = decodeAlgorithmIdentifier(sequence, 'hashAlgorithm');
  if (parameters !== undefined && Buffer.compare(parameters, NULL) !== 0)
    reader.fail('hashAlgorithm has parameters', start);
  const issuerNameHash = decodeDigest(sequence, 'issuerNameHash');
  const issuerKeyHash = decodeDigest(sequence, 'issuerKeyHash');
  const serialNumber = decodeSerialNumber(sequence, 'serialNumber');
  sequence.end('certID');
  return { der: reader.since(start), digest: DIGESTS[oid], issuerNameHash, issuerKeyHash, serialNumber };
}

function decodeDigest(sequence: DerReader, what: string): Uint8Array {
  const start = sequence.offset;
  const octets = sequence.octetString(what);
  if (octets.length === 0 || octets.length > MAX_DIGEST_OCTETS) sequence.fail(`${what} is no digest`, start);
  return octets;
}

/** The CertID of a serial number, in lower-case hexadecimal, of `issuer`; by SHA-1, which RFC 5019 §2.1.1 asks for, when no other digest is named. */
export function certIdOf(issuer: CertIdIssuer, serialNumber: string, digest: CertIdDigest = 'sha1'): CertId {
  const { issuerNameHash, issuerKeyHash } = issuerDigests(issuer, digest);
  const der = write.sequence(
    algorithmIdentifier(Oid[digest], NULL).der,
    write.octetString(issuerNameHash),
    write.octetString(issuerKeyHash),
    write.integer(Buffer.from(serialNumber, 'hex')),
  );
  return { der, digest, issuerNameHash, issuerKeyHash, serialNumber };
}

/** Whether `certId` means the certificate with that serial number of `issuer`. */
export function isCertIdOf(certId: CertId, issuer: CertIdIssuer, serialNumber: string): boolean {
  if (certId.digest === undefined || certId.serialNumber !== serialNumber) return false;
  const { issuerNameHash, issuerKeyHash } = issuerDigests(issuer, certId.digest);
  return (
    Buffer.compare(certId.issuerNameHash, issuerNameHash) === 0 &&
    Buffer.compare(certId.issuerKeyHash, issuerKeyHash) === 0
  );
}

/** What names an issuer in a CertID. */
interface IssuerDigests {
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
}

// An issuer does not change: its digests are taken once, and not for each of a hundred thousand responses.
const DIGESTS_OF = {
  sha1: new WeakMap<CertIdIssuer, IssuerDigests>(),
  sha256: new WeakMap<CertIdIssuer, IssuerDigests>(),
};

/** The two digests by which a CertID names `issuer`: of its name, and of its key without tag, length and unused bits (RFC 6960 §4.1.1). */
export function issuerDigests(issuer: CertIdIssuer, digest: CertIdDigest): IssuerDigests {
  const known = DIGESTS_OF[digest].get(issuer);
  if (known) return known;
  const digests = {
    issuerNameHash: hash(digest, issuer.subject.der, 'buffer'),
    issuerKeyHash: hash(digest, issuer.publicKey.key, 'buffer'),
  };
  DIGESTS_OF[digest].set(issuer, digests);
  return digests;
}

const NULL = write.nullElement();
