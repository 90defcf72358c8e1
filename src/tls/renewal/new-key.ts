import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { SubjectPublicKeyInfo } from '../../x509/index.js';

const generate = promisify(generateKeyPair);

/** A new private key of the kind and size of `old`, made beside the event loop; of a kind that is not known here, P-256. */
export async function newKeyLike({ parameters }: SubjectPublicKeyInfo): Promise<KeyObject> {
  switch (parameters.type) {
    case 'rsa':
      return (await generate('rsa', { modulusLength: parameters.bits })).privateKey;
    case 'ed25519':
      return (await generate('ed25519', undefined)).privateKey;
    case 'ec':
      return (await generate('ec', { namedCurve: parameters.curve })).privateKey;
    case 'other':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
  }
}
