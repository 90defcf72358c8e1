import type { KeyObject } from 'node:crypto';
import { newPrivateKey } from '../issuer/new-key.js';
import type { EndEntityProfile } from '../profile/profile.js';

/** A new private key that `profile` certifies: P-256 where it may be, else of the first kind that it names; an RSA key of the least size. */
export function newKeyFor({
  keyTypes,
  minimumRsaBits,
}: Pick<EndEntityProfile, 'keyTypes' | 'minimumRsaBits'>): Promise<KeyObject> {
  const [first = 'P-256'] = keyTypes;
  const type = keyTypes.has('P-256') ? 'P-256' : first;
  // In whole octets, as every one that is certified.
  return newPrivateKey(type === 'RSA' ? `RSA-${Math.ceil(minimumRsaBits / 8) * 8}` : type);
}
