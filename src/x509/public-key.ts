import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { DerReader, Tag } from '../der/index.js';
import { decodeAlgorithmIdentifier, type AlgorithmIdentifier } from './algorithm.js';
import { Oid } from './oids.js';
import { encodePem } from './pem.js';

/** What policies ask about a public key; sizes in bits. `other` is any key that this product does not use. */
export type KeyParameters =
  | { readonly type: 'rsa'; readonly bits: number; readonly exponent: bigint }
  | { readonly type: 'ec'; readonly curve: 'P-256' | 'P-384' | 'P-521' }
  | { readonly type: 'ed25519' }
  | { readonly type: 'other'; readonly oid: string };

const CURVES: Readonly<Record<string, { readonly curve: 'P-256' | 'P-384' | 'P-521'; readonly octets: number }>> = {
  [Oid.p256]: { curve: 'P-256', octets: 32 },
  [Oid.p384]: { curve: 'P-384', octets: 48 },
  [Oid.p521]: { curve: 'P-521', octets: 66 },
};

/** The public key was read but cannot be used: see {@link SubjectPublicKeyInfo.keyObject}. */
export class UnusableKeyError extends Error {
  override readonly name = 'UnusableKeyError';
  readonly code = 'unusable_key';
}

/** SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). The node:crypto key is made on first use and kept. */
export class SubjectPublicKeyInfo {
  #keyObject: KeyObject | undefined;
  #keyIdentifier: Uint8Array | undefined;

  constructor(
    /** The whole element. */
    readonly der: Uint8Array,
    readonly algorithm: AlgorithmIdentifier,
    /** The contents of subjectPublicKey. */
    readonly key: Uint8Array,
    readonly parameters: KeyParameters,
  ) {}

  /**
   * The key for node:crypto. Throws {@link UnusableKeyError} for a kind that is not supported, an RSA key whose modulus is even, or when node:crypto refuses it
   * (a point off its curve).
   */
  get keyObject(): KeyObject {
    if (this.#keyObject) return this.#keyObject;
    if (this.parameters.type === 'other')
      throw new UnusableKeyError(`public key algorithm ${this.parameters.oid} is not supported`);
    // RFC 8017 §3.1: it is a product of odd primes, which node:crypto does not look at.
    if (this.parameters.type === 'rsa' && hasEvenModulus(this.key))
      throw new UnusableKeyError('the modulus of this RSA public key is even');
    try {
      // As PEM: with DER, Node finds out by exceptions whether it is a key of another kind, which takes longer than everything else here.
      this.#keyObject = createPublicKey(encodePem('PUBLIC KEY', this.der));
    } catch (cause) {
      throw new UnusableKeyError(`node:crypto refuses this ${this.parameters.type} public key`, { cause });
    }
    return this.#keyObject;
  }

  /** SHA-1 over the key's octets, method (1) of RFC 5280 §4.2.1.2. It is a name and protects nothing. */
  get keyIdentifier(): Uint8Array {
    return (this.#keyIdentifier ??= hash('sha1', this.key, 'buffer'));
  }
}

/** Reads a SubjectPublicKeyInfo. A key of an unknown algorithm is read as well, as type `other`. Throws DecodeError. */
export function decodeSubjectPublicKeyInfo(reader: DerReader, what: string): SubjectPublicKeyInfo {
  const start = reader.offset;
  const sequence = reader.enter(Tag.SEQUENCE, what);
  const algorithm = decodeAlgorithmIdentifier(sequence, `${what} algorithm`);
  const keyStart = sequence.offset;
  const octets = sequence.wholeOctets(`${what} key`);
  sequence.end(what);
  const parameters = keyParameters(algorithm, sequence, octets, (problem) =>
    sequence.fail(`${what} ${problem}`, keyStart),
  );
  return new SubjectPublicKeyInfo(reader.since(start), algorithm, octets, parameters);
}

/** Whether two keys are the same, by every octet of their SubjectPublicKeyInfo. */
export const sameKey = (a: Pick<SubjectPublicKeyInfo, 'der'>, b: Pick<SubjectPublicKeyInfo, 'der'>): boolean =>
  Buffer.compare(a.der, b.der) === 0;

/** A SubjectPublicKeyInfo from a node:crypto key, public or private. */
export function subjectPublicKeyInfoOf(key: KeyObject): SubjectPublicKeyInfo {
  const der = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'der', type: 'spki' });
  return decodeSubjectPublicKeyInfo(new DerReader(der), 'public key');
}

function keyParameters(
  algorithm: AlgorithmIdentifier,
  reader: DerReader,
  key: Uint8Array,
  fail: (problem: string) => never,
): KeyParameters {
  switch (algorithm.oid) {
    case Oid.rsaEncryption:
      // RFC 4055 §1.2.
      if (algorithm.parameters?.[0] !== Tag.NULL) fail('is RSA without NULL for parameters');
      return rsaParameters(reader.on(key), fail);
    case Oid.rsassaPss:
      return rsaParameters(reader.on(key), fail);
    case Oid.ecPublicKey: {
      const curve =
        algorithm.parameters?.[0] === Tag.OBJECT_IDENTIFIER && CURVES[reader.on(algorithm.parameters).oid('curve')];
      if (!curve) return { type: 'other', oid: algorithm.oid };
      // RFC 5480 §2.2: uncompressed must be supported, compressed may; hybrid must not be used.
      const uncompressed = key[0] === 4 && key.length === 1 + 2 * curve.octets;
      const compressed = (key[0] === 2 || key[0] === 3) && key.length === 1 + curve.octets;
      if (!uncompressed && !compressed) fail('is not a point of its curve');
      return { type: 'ec', curve: curve.curve };
    }
    case Oid.ed25519:
      // RFC 8410 §3: the parameters are absent.
      if (algorithm.parameters || key.length !== 32) fail('is not an Ed25519 key');
      return { type: 'ed25519' };
    default:
      return { type: 'other', oid: algorithm.oid };
  }
}

function rsaParameters(reader: DerReader, fail: (problem: string) => never): KeyParameters {
  const sequence = reader.enter(Tag.SEQUENCE, 'RSAPublicKey');
  const modulus = sequence.integer('RSA modulus');
  const exponent = sequence.integer('RSA exponent');
  sequence.end('RSAPublicKey');
  reader.end('RSAPublicKey');
  if ((modulus[0] ?? 0x80) >= 0x80 || (exponent[0] ?? 0x80) >= 0x80) fail('has a negative number');
  const magnitude = modulus[0] === 0 ? modulus.subarray(1) : modulus;
  const bits = magnitude.length === 0 ? 0 : magnitude.length * 8 - Math.clz32(magnitude[0] ?? 0) + 24;
  const [sign] = exponent;
  // An exponent of more than 64 bits only costs time, and OpenSSL refuses it beside a long modulus: 0 stands for all of them.
  const isLong = exponent.length > (sign === 0 ? 9 : 8);
  return { type: 'rsa', bits, exponent: isLong ? 0n : BigInt(`0x${Buffer.from(exponent).toString('hex')}`) };
}

function hasEvenModulus(key: Uint8Array): boolean {
  const modulus = new DerReader(key).enter(Tag.SEQUENCE, 'RSAPublicKey').integer('RSA modulus');
  return ((modulus.at(-1) ?? 0) & 1) === 0;
}
