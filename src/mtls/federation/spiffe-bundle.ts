import { createPublicKey } from 'node:crypto';
import {
  decodeCertificate,
  decodeCertificates,
  sameKey,
  subjectPublicKeyInfoOf,
  type Certificate,
} from '../../x509/index.js';

/** The CAs of a trust domain, and when to read them again. */
export interface SpiffeBundle {
  readonly certificates: readonly Certificate[];
  /** Rises with each change; undefined where the domain does not say. */
  readonly sequence: number | undefined;
  /** Seconds; undefined where the domain does not say. */
  readonly refreshHint: number | undefined;
}

/** More than any trust domain has: each is 1 or 2 kB. */
export const MAX_BUNDLE_OCTETS = 1024 * 1024;
const MAX_KEYS = 256;
const KEY_TYPES: ReadonlySet<string> = new Set(['EC', 'RSA', 'OKP']);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What was read is not a trust bundle. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
}

/**
 * Reads the trust bundle of a trust domain: a JWK set (SPIFFE Trust Domain and Bundle §4), or CA certificates as PEM. In a set the keys for
 * `x509-svid` count, by the one certificate in their `x5c` (X509-SVID §6.2); keys for anything else, of an unknown type, or without `x5c` are passed
 * over. A key that is malformed, private, not of a CA, or not that of its certificate spoils the whole set. Throws {@link BundleError} and
 * DecodeError.
 */
export function decodeSpiffeBundle(octets: Uint8Array): SpiffeBundle {
  if (octets.length > MAX_BUNDLE_OCTETS) throw new BundleError(`it is longer than ${MAX_BUNDLE_OCTETS} octets`);
  const text = textOf(octets);
  const bundle = text.trimStart().startsWith('{') ? jwkSetIn(text) : pemIn(octets);
  for (const { extensions } of bundle.certificates)
    if (extensions.basicConstraints?.cA !== true) throw new BundleError('it holds a certificate of no CA');
  return bundle;
}

function textOf(octets: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch {
    throw new BundleError('it is not UTF-8');
  }
}

function pemIn(octets: Uint8Array): SpiffeBundle {
  const certificates = decodeCertificates(octets);
  return { certificates, sequence: undefined, refreshHint: undefined };
}

function jwkSetIn(text: string): SpiffeBundle {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BundleError('it is not JSON');
  }
  if (!isObject(value) || !Array.isArray(value.keys)) throw new BundleError('it is not a JWK set');
  if (value.keys.length > MAX_KEYS) throw new BundleError(`it has more than ${MAX_KEYS} keys`);
  return {
    certificates: value.keys.flatMap(certificateIn),
    sequence: countIn(value, 'spiffe_sequence'),
    refreshHint: countIn(value, 'spiffe_refresh_hint'),
  };
}

function countIn(set: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const count = set[name];
  if (count === undefined) return undefined;
  if (!Number.isSafeInteger(count) || Number(count) < 0) throw new BundleError(`its ${name} is not a whole number`);
  return Number(count);
}

function certificateIn(jwk: unknown): Certificate[] {
  if (!isObject(jwk) || typeof jwk.kty !== 'string' || typeof jwk.use !== 'string')
    throw new BundleError('it has a key without kty or use');
  // RFC 7518 §6: the private member of each of these types. A CA whose private key is published cannot be trusted.
  if ('d' in jwk) throw new BundleError('it has a private key');
  const { kty, use, x5c } = jwk;
  if (use !== 'x509-svid' || !KEY_TYPES.has(kty) || x5c === undefined) return [];
  if (!Array.isArray(x5c)) throw new BundleError('it has an x5c that is not a list');
  const [first] = x5c as readonly unknown[];
  if (first === undefined) return [];
  if (typeof first !== 'string' || !BASE64.test(first)) throw new BundleError('it has an x5c that is not base64');
  const certificate = decodeCertificate(Buffer.from(first, 'base64'));
  if (!isKeyOf(jwk, certificate)) throw new BundleError('it has a key that is not the one of its certificate');
  return [certificate];
}

function isKeyOf(jwk: Readonly<Record<string, unknown>>, { publicKey }: Certificate): boolean {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return sameKey(subjectPublicKeyInfoOf(key), publicKey);
  } catch {
    return false;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
