import type { Certificate } from '../certificate.js';
import { oidName } from '../oids.js';
import { UnusableKeyError, type KeyParameters, type SubjectPublicKeyInfo } from '../public-key.js';
import { isSupportedSignatureAlgorithm } from '../signature.js';
import { defect, type Defect } from './path-failure.js';

const MIN_RSA_BITS = 2048;
// A longer key only makes verification slow.
const MAX_RSA_BITS = 8192;

/**
 * Which public keys may stand in a path: RSA of 2048–8192 bits, in whole octets, with an odd exponent of at least 3; P-256, P-384, P-521; Ed25519
 * (NIST SP 800-57 part 1 §5.6.1, FIPS 186-5 §5.1). DSA, smaller RSA and other curves may not.
 */
export function keyDefect(key: KeyParameters): Defect | undefined {
  switch (key.type) {
    case 'ec':
    case 'ed25519':
      return undefined;
    case 'other':
      return defect(
        'unsupported_algorithm',
        'RFC 5280 §4.1.2.7',
        `public keys of type ${oidName(key.oid)} are not used`,
      );
    case 'rsa':
      if (key.bits < MIN_RSA_BITS || key.bits > MAX_RSA_BITS || key.bits % 8 !== 0)
        return defect('weak_key', 'NIST SP 800-57 part 1 §5.6.1', `an RSA key of ${key.bits} bits is not used`);
      return key.exponent < 3n || key.exponent % 2n === 0n
        ? defect('weak_key', 'FIPS 186-5 §5.1', 'an RSA key with this public exponent is not used')
        : undefined;
  }
}

/** Says whether a key of an allowed kind is not a valid key: a point that is not on its curve, an even modulus. For a CA that shows when its key verifies a signature. */
export function usabilityDefect(publicKey: SubjectPublicKeyInfo): Defect | undefined {
  try {
    if (publicKey.keyObject.type === 'public') return undefined;
  } catch (error) {
    if (!(error instanceof UnusableKeyError)) throw error;
  }
  const rule = publicKey.parameters.type === 'rsa' ? 'RFC 8017 §3.1' : 'RFC 5480 §2.2';
  return defect('weak_key', rule, 'the public key cannot be used');
}

/** Says whether signatures of a certificate's algorithm do not count: SHA-2 with RSA or ECDSA and Ed25519 do; MD5, SHA-1 and DSA do not. */
export function signatureAlgorithmDefect({
  signatureAlgorithm,
}: Pick<Certificate, 'signatureAlgorithm'>): Defect | undefined {
  return isSupportedSignatureAlgorithm(signatureAlgorithm)
    ? undefined
    : defect(
        'unsupported_algorithm',
        'RFC 5280 §4.1.1.2',
        `signatures of algorithm ${oidName(signatureAlgorithm.oid)} are not accepted`,
      );
}
