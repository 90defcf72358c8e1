import { constants, sign, verify, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { contextConstructed, DecodeError, DerReader, Tag, write } from '../der/index.js';
import { algorithmIdentifier, decodeAlgorithmIdentifier, type AlgorithmIdentifier } from './algorithm.js';
import { Oid } from './oids.js';
import type { SubjectPublicKeyInfo } from './public-key.js';

/** A digest by the name that node:crypto gives it. */
export type Hash = 'sha256' | 'sha384' | 'sha512';
type Scheme =
  | { readonly key: 'rsa'; readonly hash: Hash; readonly padding: 'pkcs1' | 'pss' }
  | { readonly key: 'ec'; readonly hash: Hash }
  | { readonly key: 'ed25519' };

const NULL = write.nullElement();
const FIXED: Readonly<Record<string, Scheme>> = {
  [Oid.sha256WithRsaEncryption]: { key: 'rsa', hash: 'sha256', padding: 'pkcs1' },
  [Oid.sha384WithRsaEncryption]: { key: 'rsa', hash: 'sha384', padding: 'pkcs1' },
  [Oid.sha512WithRsaEncryption]: { key: 'rsa', hash: 'sha512', padding: 'pkcs1' },
  [Oid.ecdsaWithSha256]: { key: 'ec', hash: 'sha256' },
  [Oid.ecdsaWithSha384]: { key: 'ec', hash: 'sha384' },
  [Oid.ecdsaWithSha512]: { key: 'ec', hash: 'sha512' },
  [Oid.ed25519]: { key: 'ed25519' },
};
const HASHES: Readonly<Record<string, { readonly hash: Hash; readonly octets: number }>> = {
  [Oid.sha256]: { hash: 'sha256', octets: 32 },
  [Oid.sha384]: { hash: 'sha384', octets: 48 },
  [Oid.sha512]: { hash: 'sha512', octets: 64 },
};

/** Whether signatures of this algorithm are verified at all: SHA-2 with RSA (PKCS#1 1.5, PSS) or ECDSA, and Ed25519; not MD5, SHA-1 or DSA. */
export function isSupportedSignatureAlgorithm(algorithm: AlgorithmIdentifier): boolean {
  return schemeOf(algorithm) !== undefined;
}

/**
 * Whether `signature` is the signature of `data` by `key` under `algorithm`, by node:crypto. False as well when the algorithm is not
 * supported, does not fit the key, or node:crypto cannot use the key; never throws.
 */
export function verifySignature(
  algorithm: AlgorithmIdentifier,
  key: SubjectPublicKeyInfo,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const scheme = schemeFor(algorithm, key);
    return scheme !== undefined && verify(digestOf(scheme), data, keyFor(scheme, key), signature);
  } catch {
    return false;
  }
}

/** What carries a signature: a certificate, a CRL, or a basic OCSP response. */
export interface Signed {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
}

/** Whether `key` made the signature on `signed`; see {@link verifySignature}. */
export const isSignedBy = ({ signatureAlgorithm, tbs, signature }: Signed, key: SubjectPublicKeyInfo): boolean =>
  verifySignature(signatureAlgorithm, key, tbs, signature);

/**
 * As {@link verifySignature}, but keeps the event loop free: verifies in Node's thread pool, except for one quick signature in each turn of the event loop.
 */
export async function verifySignatureAside(
  algorithm: AlgorithmIdentifier,
  key: SubjectPublicKeyInfo,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    const scheme = schemeFor(algorithm, key);
    if (scheme === undefined) return false;
    const isHere = isQuickToVerify(key) && data.length <= MOST_HERE && (await isFirstOfTurn());
    const verifies = isHere ? verify : verifyAside;
    return await verifies(digestOf(scheme), data, keyFor(scheme, key), signature);
  } catch {
    return false;
  }
}

const isQuickToVerify = ({ parameters }: SubjectPublicKeyInfo): boolean =>
  parameters.type === 'ed25519' ||
  (parameters.type === 'ec' && parameters.curve === 'P-256') ||
  // An exponent as long as the modulus, which OpenSSL takes up to 3072 bits, is a hundred times as much work.
  (parameters.type === 'rsa' && parameters.bits <= 4096 && parameters.exponent === USUAL_EXPONENT);

const USUAL_EXPONENT = 65537n;
/** The digest of more octets than these takes longer than the signature. */
const MOST_HERE = 64 * 1024;
let asked: ((isFirst: boolean) => void)[] = [];

/**
 * Whether this is the first that is asked for in this turn of the event loop, which is verified in this thread. All of them wait for the end of the turn, and
 * the others are handed over together, because waking a sleeping thread takes as long as a signature, while one that is awake takes the next by itself.
 */
function isFirstOfTurn(): Promise<boolean> {
  return new Promise((resolve) => {
    if (asked.length === 0) setImmediate(endTurn);
    asked.push(resolve);
  });
}

function endTurn(): void {
  const [first, ...others] = asked;
  asked = [];
  // The other threads get theirs before this one is busy.
  for (const resolve of others) resolve(false);
  first?.(true);
}

const verifyAside: (
  digest: Hash | null,
  data: Uint8Array,
  key: ReturnType<typeof keyFor>,
  signature: Uint8Array,
) => Promise<boolean> = promisify(verify);

const digestOf = (scheme: Scheme): Hash | null => (scheme.key === 'ed25519' ? null : scheme.hash);

// The key itself when it needs no options: an object around it was measured to cost as much as a signature.
const keyFor = (scheme: Scheme, { keyObject }: SubjectPublicKeyInfo) =>
  scheme.key === 'rsa' ? { key: keyObject, ...rsaPadding(scheme.padding) } : keyObject;

/** Whether `algorithm` is supported and `key` can sign by it: what {@link verifySignature} asks before it looks at the signature. */
export function signatureFitsKey(algorithm: AlgorithmIdentifier, key: SubjectPublicKeyInfo): boolean {
  return schemeFor(algorithm, key) !== undefined;
}

function schemeFor(algorithm: AlgorithmIdentifier, key: SubjectPublicKeyInfo): Scheme | undefined {
  const scheme = schemeOf(algorithm);
  if (scheme?.key !== key.parameters.type) return undefined;
  // RFC 4055 §1.2: a key restricted to PSS signs nothing else.
  return key.algorithm.oid === Oid.rsassaPss && !(scheme.key === 'rsa' && scheme.padding === 'pss')
    ? undefined
    : scheme;
}

/** How node:crypto's `sign` is to be called for an AlgorithmIdentifier. */
export interface SigningScheme {
  readonly algorithm: AlgorithmIdentifier;
  /** The digest's name, or null where the algorithm has its own (Ed25519). */
  readonly digest: Hash | null;
  /** Making a signature takes no longer than having another thread make it. */
  readonly isQuick?: boolean;
  /** Key options, for RSA only. */
  readonly options?: { readonly padding: number; readonly saltLength?: number };
}

/** Signs octets by a scheme: a quick signature here, because to hand it over and wake up for it takes as long, and any other in Node's thread pool. */
export async function signAside(
  { digest, options, isQuick = false }: SigningScheme,
  key: KeyObject,
  octets: Uint8Array,
): Promise<Uint8Array> {
  if (isQuick && octets.length <= MOST_HERE) return sign(digest, octets, key);
  return promisedSign(digest, octets, options ? { key, ...options } : key);
}

const promisedSign: (
  digest: Hash | null,
  data: Uint8Array,
  key: KeyObject | { readonly key: KeyObject; readonly padding: number; readonly saltLength?: number },
) => Promise<Buffer> = promisify(sign);

/**
 * The algorithm that a private or public key signs with here: ECDSA with the curve's hash (RFC 5480 §4), Ed25519 (RFC 8410), RSA PKCS#1 1.5 with
 * SHA-256. Throws RangeError for any other key.
 */
export function signingSchemeFor(key: KeyObject): SigningScheme {
  switch (key.asymmetricKeyType) {
    case 'ec':
      switch (key.asymmetricKeyDetails?.namedCurve) {
        case 'prime256v1':
          return { algorithm: algorithmIdentifier(Oid.ecdsaWithSha256), digest: 'sha256', isQuick: true };
        case 'secp384r1':
          return { algorithm: algorithmIdentifier(Oid.ecdsaWithSha384), digest: 'sha384' };
        case 'secp521r1':
          return { algorithm: algorithmIdentifier(Oid.ecdsaWithSha512), digest: 'sha512' };
      }
      break;
    case 'ed25519':
      return { algorithm: algorithmIdentifier(Oid.ed25519), digest: null, isQuick: true };
    case 'rsa':
      return {
        algorithm: algorithmIdentifier(Oid.sha256WithRsaEncryption, NULL),
        digest: 'sha256',
        options: rsaPadding('pkcs1'),
      };
    case 'rsa-pss':
      return { algorithm: pssAlgorithm('sha256'), digest: 'sha256', options: rsaPadding('pss') };
  }
  throw new RangeError(`no signature algorithm for a key of type ${key.asymmetricKeyType ?? key.type}`);
}

function rsaPadding(padding: 'pkcs1' | 'pss'): { padding: number; saltLength?: number } {
  return padding === 'pkcs1'
    ? { padding: constants.RSA_PKCS1_PADDING }
    : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

function schemeOf(algorithm: AlgorithmIdentifier): Scheme | undefined {
  if (algorithm.oid === Oid.rsassaPss) return pssScheme(algorithm);
  const scheme = FIXED[algorithm.oid];
  // RFC 4055 §5: NULL for RSA, and absent must be accepted too. RFC 5758 §3.2 and RFC 8410 §3: absent for ECDSA and Ed25519.
  const { parameters } = algorithm;
  const fits = parameters === undefined || (scheme?.key === 'rsa' && Buffer.compare(parameters, NULL) === 0);
  return fits ? scheme : undefined;
}

/** Reads RSASSA-PSS-params (RFC 4055 §3.1) of the form that TLS 1.3 uses: one SHA-2 hash throughout, a salt as long as the hash, trailer 1. */
function pssScheme({ parameters }: AlgorithmIdentifier): Scheme | undefined {
  if (!parameters) return undefined;
  try {
    const reader = new DerReader(parameters).enter(Tag.SEQUENCE, 'RSASSA-PSS-params');
    const field = <T>(number: number, what: string, decode: (field: DerReader) => T): T => {
      const explicit = reader.enter(contextConstructed(number), what);
      const value = decode(explicit);
      explicit.end(what);
      return value;
    };
    const hash = field(0, 'hashAlgorithm', decodeHash);
    const mgf = field(1, 'maskGenAlgorithm', (explicit) => decodeAlgorithmIdentifier(explicit, 'maskGenAlgorithm'));
    const mgfHash = mgf.parameters && decodeHash(new DerReader(mgf.parameters));
    const salt = field(2, 'saltLength', (explicit) => explicit.smallInteger('saltLength'));
    if (!reader.done && field(3, 'trailerField', (explicit) => explicit.smallInteger('trailerField')) !== 1)
      return undefined;
    reader.end('RSASSA-PSS-params');
    if (!hash || mgf.oid !== Oid.mgf1 || mgfHash !== hash || salt !== hash.octets) return undefined;
    return { key: 'rsa', hash: hash.hash, padding: 'pss' };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Reads a digest's AlgorithmIdentifier, whose parameters are NULL or absent (RFC 4055 §2.1). */
function decodeHash(reader: DerReader): (typeof HASHES)[string] | undefined {
  const { oid, parameters } = decodeAlgorithmIdentifier(reader, 'hash');
  return parameters === undefined || Buffer.compare(parameters, NULL) === 0 ? HASHES[oid] : undefined;
}

function pssAlgorithm(hash: Hash): AlgorithmIdentifier {
  const digest = algorithmIdentifier(Oid[hash], NULL);
  const mgf = algorithmIdentifier(Oid.mgf1, digest.der);
  const salt = { sha256: 32, sha384: 48, sha512: 64 }[hash];
  return algorithmIdentifier(
    Oid.rsassaPss,
    write.sequence(write.explicit(0, digest.der), write.explicit(1, mgf.der), write.explicit(2, write.integer(salt))),
  );
}
