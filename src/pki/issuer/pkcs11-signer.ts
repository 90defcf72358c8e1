import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { write } from '../../der/index.js';
import {
  sameKey,
  signingSchemeFor,
  subjectPublicKeyInfoOf,
  type AlgorithmIdentifier,
  type SubjectPublicKeyInfo,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import type { Pkcs11Key, Pkcs11Mechanism, Pkcs11Settings } from './pkcs11-protocol.js';
import { tokenOf, type Pkcs11Token } from './pkcs11-token.js';
import type { LargeOctets, Signer } from './signer.js';

/**
 * Curves by CKA_EC_PARAMS in hexadecimal: the OIDs of RFC 5480 §2.1.1.1 and RFC 8410 §3, or the PrintableString with the curve's name that some
 * modules write instead.
 */
const CURVES: Readonly<Record<string, { readonly crv: string; readonly octets: number }>> = {
  '06082a8648ce3d030107': { crv: 'P-256', octets: 32 },
  '06052b81040022': { crv: 'P-384', octets: 48 },
  '06032b6570': { crv: 'Ed25519', octets: 32 },
  '130c656477617264733235353139': { crv: 'Ed25519', octets: 32 },
};

/** The digest that each mechanism signs instead of the octets; undefined when it signs the octets themselves. */
const DIGESTS: Readonly<Record<Pkcs11Mechanism, 'sha256' | 'sha384' | undefined>> = {
  'ecdsa-sha256': 'sha256',
  'ecdsa-sha384': 'sha384',
  'rsa-sha256': 'sha256',
  ed25519: undefined,
};

/** A signer whose key is on a PKCS#11 token and never leaves it. The session with the token is opened for the first signature. */
export class Pkcs11Signer implements Signer {
  readonly publicKey: SubjectPublicKeyInfo;
  readonly algorithm: AlgorithmIdentifier;
  readonly #token: Pkcs11Token;
  readonly #label: string;
  readonly #mechanism: Pkcs11Mechanism;
  #id: string | undefined;

  /**
   * `publicKey` is the public key of the issuer's certificate. Several keys on the token may have the issuer's label; only the one that matches
   * `publicKey` signs. Throws PkiError `authority_mismatch` for a kind of key that is not supported on tokens.
   */
  constructor(settings: Pkcs11Settings, id: string, publicKey: SubjectPublicKeyInfo) {
    this.#token = tokenOf(settings);
    this.#label = labelOf(settings, id);
    this.publicKey = publicKey;
    this.algorithm = signingSchemeFor(publicKey.keyObject).algorithm;
    this.#mechanism = mechanismFor(publicKey);
  }

  /**
   * Finds the key on the token. Throws PkiError `authority_mismatch` when there is no key with the label or none of them matches the certificate,
   * `token_unavailable` when the token would export the key, and what {@link Pkcs11Token.call} throws.
   */
  async open(): Promise<void> {
    this.#id ??= await this.#find();
  }

  /** Signs `octets`. Throws what {@link open} throws. */
  sign(octets: Uint8Array): Promise<Uint8Array> {
    return this.#sign(octets, false);
  }

  /** As {@link sign}. The token signs their digest; with Ed25519, which signs no digest, it is given all of them. */
  async signLarge(octets: LargeOctets): Promise<Uint8Array> {
    const digest = DIGESTS[this.#mechanism];
    return digest === undefined ? this.sign(await octets.whole()) : this.#sign(await octets.digest(digest), true);
  }

  async #sign(octets: Uint8Array, isDigest: boolean): Promise<Uint8Array> {
    await this.open();
    const [label, id, mechanism] = [this.#label, this.#id ?? '', this.#mechanism];
    const signature = await this.#token.call({ name: 'sign', label, id, mechanism, octets, isDigest });
    return this.publicKey.parameters.type === 'ec' ? ecdsaSignature(signature) : signature;
  }

  async #find(): Promise<string> {
    const keys = await this.#token.call({ name: 'keys', label: this.#label });
    if (keys.length === 0)
      throw new PkiError('authority_mismatch', `the ${this.#token.name} holds no key ${this.#label}`);
    const key = keys.find((each) => sameKey(publicKeyOf(each), this.publicKey));
    if (!key)
      throw new PkiError(
        'authority_mismatch',
        `the key ${this.#label} of the ${this.#token.name} does not belong to the CA's certificate`,
      );
    checkStays(key, this.#label, this.#token);
    return key.id;
  }
}

/** The CKA_LABEL of an issuer's key. */
export const labelOf = ({ keyLabelPrefix = 'veritas-' }: Pkcs11Settings, id: string): string =>
  `${keyLabelPrefix}${id}`;

/** Whether the token holds a key of this issuer. Throws what {@link Pkcs11Token.call} throws. */
export async function hasTokenKey(settings: Pkcs11Settings, id: string): Promise<boolean> {
  return (await tokenOf(settings).call({ name: 'keys', label: labelOf(settings, id) })).length > 0;
}

/**
 * The signer of an issuer that has no certificate yet. Its key is created on the token when it does not exist. Throws PkiError `authority_mismatch`
 * for a kind of key that is not supported, `token_unavailable` when the token would export the key, and what {@link Pkcs11Token.call} throws.
 */
export async function ensureTokenSigner(settings: Pkcs11Settings, id: string): Promise<Pkcs11Signer> {
  const token = tokenOf(settings);
  const label = labelOf(settings, id);
  const [known] = await token.call({ name: 'keys', label });
  const key = known ?? (await token.call({ name: 'create', label, type: settings.keyType ?? 'P-256' }));
  checkStays(key, label, token);
  return new Pkcs11Signer(settings, id, publicKeyOf(key));
}

function checkStays({ stays }: Pkcs11Key, label: string, { name }: Pkcs11Token): void {
  if (!stays)
    throw new PkiError(
      'token_unavailable',
      `the ${name} would export its key ${label}: the key is extractable or not sensitive`,
    );
}

function mechanismFor({ parameters }: SubjectPublicKeyInfo): Pkcs11Mechanism {
  switch (parameters.type) {
    case 'ec':
      if (parameters.curve === 'P-521') break;
      return parameters.curve === 'P-256' ? 'ecdsa-sha256' : 'ecdsa-sha384';
    case 'rsa':
      return 'rsa-sha256';
    case 'ed25519':
      return 'ed25519';
    case 'other':
      break;
  }
  throw new PkiError('authority_mismatch', 'a CA with its key on a token has a P-256, P-384, Ed25519 or RSA key');
}

/** The public key as SubjectPublicKeyInfo. Throws PkiError `authority_mismatch`. */
function publicKeyOf({ publicKey }: Pkcs11Key): SubjectPublicKeyInfo {
  if (publicKey.kind === 'rsa')
    return fromJwk({ kty: 'RSA', n: base64url(publicKey.modulus), e: base64url(publicKey.exponent) });
  const { parameters, point } = publicKey;
  const curve = CURVES[parameters];
  if (publicKey.kind === 'edwards' && curve?.crv === 'Ed25519' && point.length === curve.octets)
    return fromJwk({ kty: 'OKP', crv: curve.crv, x: base64url(point) });
  if (publicKey.kind === 'ec' && curve && point[0] === 4 && point.length === 1 + 2 * curve.octets) {
    const [x, y] = [point.subarray(1, 1 + curve.octets), point.subarray(1 + curve.octets)];
    return fromJwk({ kty: 'EC', crv: curve.crv, x: base64url(x), y: base64url(y) });
  }
  throw new PkiError('authority_mismatch', 'the key on the token is of a kind that is not supported');
}

function fromJwk(key: JsonWebKey): SubjectPublicKeyInfo {
  let publicKey: KeyObject;
  try {
    publicKey = createPublicKey({ key, format: 'jwk' });
  } catch (cause) {
    throw new PkiError('authority_mismatch', 'the token returned a public key that is not valid', { cause });
  }
  return subjectPublicKeyInfoOf(publicKey);
}

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');

/** Encodes r and s as ECDSA-Sig-Value (RFC 3279 §2.2.3). PKCS #11 v2.40 §2.3.1 returns them concatenated. */
function ecdsaSignature(octets: Uint8Array): Uint8Array {
  const half = octets.length / 2;
  return write.sequence(write.integer(octets.subarray(0, half)), write.integer(octets.subarray(half)));
}
