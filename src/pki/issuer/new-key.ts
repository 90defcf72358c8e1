import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** The kinds of keys that a CA of ours can have in a file. */
export type AuthorityKeyType = 'P-256' | 'P-384' | 'Ed25519' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096';

const generate = promisify(generateKeyPair);

/** A new private key, made beside the event loop: a large RSA key takes seconds. */
export async function newPrivateKey(type: AuthorityKeyType | 'P-521' | `RSA-${number}`): Promise<KeyObject> {
  switch (type) {
    case 'P-256':
    case 'P-384':
    case 'P-521':
      return (await generate('ec', { namedCurve: type })).privateKey;
    case 'Ed25519':
      return (await generate('ed25519', undefined)).privateKey;
    default:
      return (await generate('rsa', { modulusLength: Number(type.slice('RSA-'.length)) })).privateKey;
  }
}
