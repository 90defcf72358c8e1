import { contextConstructed, DerReader, Tag, write } from '../der/index.js';
import { decodeAlgorithmIdentifier, type AlgorithmIdentifier } from './algorithm.js';
import { decodeCertificateExtensions, type CertificateExtensions } from './certificate-extensions.js';
import { decodeExtensions, encodeExtensions, type Extension } from './extension.js';
import { decodeName, type Name } from './name.js';
import { Oid } from './oids.js';
import { decodeSubjectPublicKeyInfo, type SubjectPublicKeyInfo } from './public-key.js';
import { signatureFitsKey, verifySignature, verifySignatureAside } from './signature.js';

/** 64 KiB, as for the certificate that would come of the request. */
export const MAX_REQUEST_OCTETS = 64 * 1024;
const MAX_ATTRIBUTES = 16;

/** The request is well formed, but it is not signed by the key in it: there is no proof of possession (RFC 2986 §3). */
export class ProofOfPossessionError extends Error {
  override readonly name = 'ProofOfPossessionError';
  readonly code = 'proof_of_possession_failed';

  constructor({ signatureAlgorithm, publicKey }: Pick<CertificationRequest, 'signatureAlgorithm' | 'publicKey'>) {
    super(
      signatureFitsKey(signatureAlgorithm, publicKey)
        ? 'the request is not signed by the private key of the public key in it'
        : `no signature is verified here that is of the algorithm ${signatureAlgorithm.oid}, with its parameters, and by a key of the kind ${publicKey.algorithm.oid}`,
    );
  }
}

/**
 * A certification request (RFC 2986 §4) whose signature was verified with its own key: whoever made it holds the private key. It says what
 * somebody wants, and nothing about what they may have.
 */
export class CertificationRequest {
  readonly der: Uint8Array;
  readonly subject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  /** What the extensionRequest attribute asks for (RFC 2985 §5.4.2); empty when there is none. */
  readonly extensions: CertificateExtensions;
  /** OIDs of the attributes, extensionRequest included. */
  readonly attributes: readonly string[];

  // Makes the type nominal: there is none without proof of possession.
  readonly #proven = true;

  private constructor(values: Omit<UnprovenRequest, 'signed' | 'signature'>) {
    this.der = values.der;
    this.subject = values.subject;
    this.publicKey = values.publicKey;
    this.signatureAlgorithm = values.signatureAlgorithm;
    this.extensions = values.extensions;
    this.attributes = values.attributes;
  }

  /** Whether `value` was made here. */
  static is(value: unknown): value is CertificationRequest {
    return typeof value === 'object' && value !== null && #proven in value && value.#proven;
  }

  /** See {@link decodeCertificationRequest}. */
  static decode(octets: Uint8Array): CertificationRequest {
    const request = new UnprovenRequest(octets);
    const { signatureAlgorithm, publicKey, signed, signature } = request;
    if (!verifySignature(signatureAlgorithm, publicKey, signed, signature)) throw new ProofOfPossessionError(request);
    return new CertificationRequest(request);
  }

  /** See {@link readCertificationRequest}. */
  static async read(octets: Uint8Array): Promise<CertificationRequest> {
    const request = new UnprovenRequest(octets);
    const { signatureAlgorithm, publicKey, signed, signature } = request;
    if (!(await verifySignatureAside(signatureAlgorithm, publicKey, signed, signature)))
      throw new ProofOfPossessionError(request);
    return new CertificationRequest(request);
  }
}

/** The contents of a request whose signature was not verified yet. */
class UnprovenRequest {
  readonly der: Uint8Array;
  readonly subject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly extensions: CertificateExtensions;
  readonly attributes: readonly string[];
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;

  constructor(octets: Uint8Array) {
    const reader = DerReader.bounded(octets, MAX_REQUEST_OCTETS, 'certification request');
    const request = reader.enter(Tag.SEQUENCE, 'certification request');
    const start = request.offset;
    const info = request.enter(Tag.SEQUENCE, 'certificationRequestInfo');
    this.signed = request.since(start);
    this.der = octets;
    this.signatureAlgorithm = decodeAlgorithmIdentifier(request, 'signatureAlgorithm');
    this.signature = request.wholeOctets('signature');
    request.end('certification request');
    reader.end('certification request');

    if (info.smallInteger('version') !== 0) info.fail('version is not 1');
    this.subject = decodeName(info, 'subject');
    this.publicKey = decodeSubjectPublicKeyInfo(info, 'subjectPKInfo');
    const { attributes, extensions } = decodeAttributes(info);
    info.end('certificationRequestInfo');
    this.attributes = attributes;
    this.extensions = decodeCertificateExtensions(extensions, reader);
  }
}

/**
 * Reads one DER certification request of at most 64 KiB and verifies its proof of possession.
 * Throws DecodeError, or {@link ProofOfPossessionError} (also for keys and algorithms that are not supported).
 */
export function decodeCertificationRequest(octets: Uint8Array): CertificationRequest {
  return CertificationRequest.decode(octets);
}

/** As {@link decodeCertificationRequest}, but verifies in Node's thread pool. Rejects with what that function throws. */
export function readCertificationRequest(octets: Uint8Array): Promise<CertificationRequest> {
  return CertificationRequest.read(octets);
}

function decodeAttributes(info: DerReader): { attributes: string[]; extensions: ReadonlyMap<string, Extension> } {
  const set = info.enter(contextConstructed(0), 'attributes');
  const attributes: string[] = [];
  let extensions: ReadonlyMap<string, Extension> = new Map();
  let previous: Uint8Array | undefined;
  while (!set.done) {
    const start = set.offset;
    const attribute = set.enter(Tag.SEQUENCE, 'attribute');
    const type = attribute.oid('attribute type');
    const values = attribute.enter(Tag.SET, 'attribute values');
    attribute.end('attribute');
    if (attributes.includes(type) || attributes.length === MAX_ATTRIBUTES)
      set.fail('attributes repeat or are too many');
    attributes.push(type);
    const whole = set.since(start);
    // X.690 §11.6: DER sorts a SET OF.
    if (previous && Buffer.compare(previous, whole) >= 0) set.fail('attributes are not sorted', start);
    previous = whole;
    if (type === Oid.extensionRequest) {
      extensions = decodeExtensions(values, 'extensionRequest');
      values.end('extensionRequest');
    } else if (values.done) values.fail('attribute without a value');
    while (!values.done) values.element('attribute value');
  }
  return { attributes, extensions };
}

/** The octets that a requester signs: certificationRequestInfo (RFC 2986 §4.1) with an extensionRequest when there are extensions. */
export function encodeCertificationRequestInfo(request: {
  readonly subject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly extensions: readonly Extension[];
}): Uint8Array {
  const attributes =
    request.extensions.length === 0
      ? []
      : [write.sequence(write.oid(Oid.extensionRequest), write.setOf(encodeExtensions(request.extensions)))];
  return write.sequence(
    write.integer(0),
    request.subject.der,
    request.publicKey.der,
    write.element(contextConstructed(0), ...attributes),
  );
}
