import { DerReader, Tag } from '../../der/index.js';
import type { SubjectPublicKeyInfo } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import type { EndEntityProfile } from '../profile/profile.js';
import { rsaModulusDefect } from './rsa-modulus.js';

const LEAST_RSA_BITS = 2048;
// Larger ones cost everybody who verifies; OpenSSL's own limit is 16384.
const MOST_RSA_BITS = 8192;
const UNCOMPRESSED = 4;

/**
 * Refuses keys that no certificate should hold (NIST SP 800-57 part 1 §5.6.1; CA/Browser Forum Baseline Requirements §6.1.5–6.1.6), and those in a form that
 * not every reader takes, since they are copied into the certificate as they are. Allowed are P-256, P-384 and P-521 with uncompressed points, Ed25519, and
 * RSA of 2048 to 8192 bits in whole octets with the exponent 65537 and a modulus that is not easily factored; and of these only what the profile takes.
 * Throws PkiError `public_key_not_allowed`.
 */
export function checkPublicKey(
  publicKey: SubjectPublicKeyInfo,
  { keyTypes, minimumRsaBits }: Partial<Pick<EndEntityProfile, 'keyTypes' | 'minimumRsaBits'>> = {},
): void {
  const { parameters } = publicKey;
  switch (parameters.type) {
    case 'rsa':
      checkRsaKey(parameters, publicKey.key);
      break;
    case 'ec':
      if (publicKey.key[0] !== UNCOMPRESSED) refuse('a point of a curve must be uncompressed');
      break;
    case 'ed25519':
      break;
    case 'other':
      refuse(`keys of the algorithm ${parameters.oid} are not certified`);
  }
  if (!isUsable(publicKey)) refuse('the public key is not valid');
  const type = parameters.type === 'ec' ? parameters.curve : parameters.type === 'rsa' ? 'RSA' : 'Ed25519';
  if (keyTypes && !keyTypes.has(type)) refuse(`this profile certifies ${[...keyTypes].join(', ')}, not ${type}`);
  if (parameters.type === 'rsa' && minimumRsaBits !== undefined && parameters.bits < minimumRsaBits)
    refuse(`this profile certifies RSA keys of ${minimumRsaBits} bits or more`);
}

/** node:crypto refuses points that are not on their curve. */
function isUsable(publicKey: SubjectPublicKeyInfo): boolean {
  try {
    return publicKey.keyObject.type === 'public';
  } catch {
    return false;
  }
}

function checkRsaKey({ bits, exponent }: { readonly bits: number; readonly exponent: bigint }, key: Uint8Array): void {
  if (bits < LEAST_RSA_BITS || bits > MOST_RSA_BITS || bits % 8 !== 0)
    refuse(`an RSA key of ${bits} bits is not certified, only ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} in whole octets`);
  if (exponent !== 65537n) refuse('the exponent of an RSA key must be 65537');
  const octets = new DerReader(key).enter(Tag.SEQUENCE, 'RSAPublicKey').integer('RSA modulus');
  const defect = rsaModulusDefect(BigInt(`0x${Buffer.from(octets).toString('hex')}`));
  if (defect !== undefined) refuse(`the RSA modulus ${defect}`);
}

function refuse(message: string): never {
  throw new PkiError('public_key_not_allowed', message);
}
