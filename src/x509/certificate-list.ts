import { contextConstructed, DerReader, Tag } from '../der/index.js';
import { decodeAlgorithmIdentifier, type AlgorithmIdentifier } from './algorithm.js';
import { decodeAuthorityKeyIdentifier, type AuthorityKeyIdentifier } from './certificate-extensions.js';
import {
  decodeDistributionPoints,
  decodeIssuingDistributionPoint,
  type DistributionPoint,
  type IssuingDistributionPoint,
} from './distribution-point.js';
import { decodeExtension, decodeExtensions, type Extension } from './extension.js';
import { decodeName, type Name } from './name.js';
import { Oid } from './oids.js';
import { decodeRevokedCertificate, type RevokedCertificate } from './revoked-certificate.js';
import { RevokedCertificateScanner } from './revoked-certificate-scanner.js';

/** 256 MiB, which is five million entries of the usual size. */
export const MAX_CRL_OCTETS = 256 * 1024 * 1024;

/** What a CRL's extensions say, decoded (RFC 5280 §5.2). `all` has every one as it stands. */
export interface CertificateListExtensions {
  readonly all: ReadonlyMap<string, Extension>;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  readonly crlNumber: bigint | undefined;
  /** BaseCRLNumber; when it is there, this is a delta CRL. */
  readonly deltaCrlIndicator: bigint | undefined;
  readonly issuingDistributionPoint: IssuingDistributionPoint | undefined;
  readonly freshestCrl: readonly DistributionPoint[] | undefined;
}

/**
 * A CRL (RFC 5280 §5.1) whose octets are strict DER up to the entries, which {@link revokedCertificates} reads one by one. All octets are views on `der`.
 * Whether it is signed by its issuer, current and in scope, the caller has to check.
 */
export class CertificateList {
  readonly der: Uint8Array;
  readonly tbs: Uint8Array;
  readonly version: 1 | 2;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly extensions: CertificateListExtensions;
  readonly signature: Uint8Array;
  readonly #reader: DerReader;
  readonly #entries: Uint8Array;

  /** Reads `octets`: see {@link decodeCertificateList}. */
  constructor(octets: Uint8Array) {
    const reader = DerReader.bounded(octets, MAX_CRL_OCTETS, 'CRL');
    const list = reader.enter(Tag.SEQUENCE, 'CRL');
    const start = list.offset;
    const tbs = list.enter(Tag.SEQUENCE, 'tbsCertList');
    this.der = octets;
    this.tbs = list.since(start);
    const algorithmStart = list.offset;
    this.signatureAlgorithm = decodeAlgorithmIdentifier(list, 'signatureAlgorithm');
    this.signature = list.wholeOctets('signatureValue');
    list.end('CRL');
    reader.end('CRL');

    this.version = tbs.has(Tag.INTEGER) ? decodeVersion(tbs) : 1;
    const inner = decodeAlgorithmIdentifier(tbs, 'signature');
    if (Buffer.compare(inner.der, this.signatureAlgorithm.der) !== 0)
      reader.fail('the two signature algorithms differ', algorithmStart);
    this.issuer = decodeName(tbs, 'issuer');
    this.thisUpdate = tbs.time('thisUpdate');
    this.nextUpdate = tbs.has(Tag.UTC_TIME) || tbs.has(Tag.GENERALIZED_TIME) ? tbs.time('nextUpdate') : undefined;
    this.#reader = reader;
    this.#entries = tbs.has(Tag.SEQUENCE) ? tbs.contents(Tag.SEQUENCE, 'revokedCertificates') : new Uint8Array(0);
    this.extensions = decodeListExtensions(tbs, reader, this.version);
    tbs.end('tbsCertList');
  }

  /** A reader of the entries that makes no object for each of them. */
  scan(): RevokedCertificateScanner {
    return new RevokedCertificateScanner(this.der, this.#entries, this.version);
  }

  /** The entries, decoded as they are asked for. Throws DecodeError where one is not strict DER. */
  *revokedCertificates(): Generator<RevokedCertificate, void, undefined> {
    if (this.#entries.length === 0) return;
    const reader = this.#reader.on(this.#entries);
    while (!reader.done) yield decodeRevokedCertificate(reader, this.version);
  }
}

// A SEQUENCE of nothing.
const EMPTY = Buffer.of(0x30, 0);

/** Whether a CRL has an issuingDistributionPoint that says nothing, which issuers must not make (RFC 5280 §5.2.5). */
export function hasEmptyScope({ extensions }: CertificateList): boolean {
  const extension = extensions.all.get(Oid.issuingDistributionPoint);
  return extension !== undefined && EMPTY.equals(extension.value);
}

/** Reads one DER CRL of at most 256 MiB. Throws DecodeError; entries are read later, by {@link CertificateList.revokedCertificates}. */
export function decodeCertificateList(octets: Uint8Array): CertificateList {
  return new CertificateList(octets);
}

function decodeVersion(tbs: DerReader): 2 {
  const start = tbs.offset;
  if (tbs.smallInteger('version') !== 1) tbs.fail('version is not 2', start);
  return 2;
}

function decodeListExtensions(tbs: DerReader, reader: DerReader, version: 1 | 2): CertificateListExtensions {
  const explicit = tbs.enterIf(contextConstructed(0), 'crlExtensions');
  if (explicit && version === 1) tbs.fail('extensions in a CRL of version 1');
  const all: ReadonlyMap<string, Extension> = explicit
    ? decodeExtensions(explicit, 'crlExtensions')
    : new Map<string, Extension>();
  explicit?.end('crlExtensions');
  const read = <T>(oid: string, decode: (value: DerReader) => T): T | undefined =>
    decodeExtension(all, oid, reader, decode);
  return {
    all,
    authorityKeyIdentifier: read(Oid.authorityKeyIdentifier, decodeAuthorityKeyIdentifier),
    crlNumber: read(Oid.crlNumber, (value) => decodeCrlNumber(value, 'cRLNumber')),
    deltaCrlIndicator: read(Oid.deltaCrlIndicator, (value) => decodeCrlNumber(value, 'baseCRLNumber')),
    issuingDistributionPoint: read(Oid.issuingDistributionPoint, decodeIssuingDistributionPoint),
    freshestCrl: read(Oid.freshestCrl, (value) => decodeDistributionPoints(value, 'freshestCRL')),
  };
}

/** CRLNumber: up to 20 octets and a sign, never negative (RFC 5280 §5.2.3). */
function decodeCrlNumber(value: DerReader, what: string): bigint {
  const octets = value.integer(what);
  if ((octets[0] ?? 0) >= 0x80 || octets.length > (octets[0] === 0 ? 21 : 20))
    value.fail(`${what} is negative or longer than 20 octets`);
  return BigInt(`0x${Buffer.from(octets).toString('hex')}`);
}
