import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { SubjectPublicKeyInfo } from '../../x509/index.js';

const generate = promisify(generateKeyPair);

/** The code with which a CA refuses a kind of key. */
export const KEY_NOT_TAKEN = 'public_key_not_allowed';

/**
 * Makes a new private key and has it certified by `certify`: a key of the kind and size of `old`, and of P-256 when `isRefused` says that this kind
 * is no longer accepted. Throws what `certify` throws.
 */
export async function withNewKey<T>(
  old: SubjectPublicKeyInfo,
  isRefused: (error: unknown) => boolean,
  certify: (key: KeyObject) => Promise<T>,
): Promise<T> {
  try {
    return await certify(await newKeyLike(old));
  } catch (error) {
    if (!isRefused(error)) throw error;
    return certify(await newKeyOfCurve('P-256'));
  }
}

/** The key is made off the event loop. For an unknown kind it is P-256. */
async function newKeyLike({ parameters }: SubjectPublicKeyInfo): Promise<KeyObject> {
  switch (parameters.type) {
    case 'rsa':
      return (await generate('rsa', { modulusLength: parameters.bits })).privateKey;
    case 'ed25519':
      return (await generate('ed25519', undefined)).privateKey;
    case 'ec':
      return newKeyOfCurve(parameters.curve);
    case 'other':
      return newKeyOfCurve('P-256');
  }
}

const newKeyOfCurve = async (namedCurve: string): Promise<KeyObject> =>
  (await generate('ec', { namedCurve })).privateKey;
