import { DecodeError, DerReader, Tag } from '../../der/index.js';

// RFC 8018 appendix A and C, RFC 3565 §2.
export const PBES2 = '1.2.840.113549.1.5.13';
export const PBKDF2 = '1.2.840.113549.1.5.12';
export const HMAC_SHA256 = '1.2.840.113549.2.9';
export const AES256_CBC = '2.16.840.1.101.3.4.1.42';

/**
 * The iteration count that OWASP's Password Storage Cheat Sheet (2023) asks for with PBKDF2-HMAC-SHA256. KeyObject.export of node:crypto uses 2048
 * and has no option to change that.
 */
export const PBKDF2_ITERATIONS = 600_000;

/** The values, besides the passphrase, that are needed to decrypt a key. */
export interface EncryptionParameters {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly iv: Uint8Array;
  readonly encrypted: Uint8Array;
}

// About sixteen times PBKDF2_ITERATIONS: a file with a huge count would hold up the start for hours.
const MOST_ITERATIONS = 10_000_000;

/**
 * Decodes an EncryptedPrivateKeyInfo (RFC 5958 §3) of the form that this product writes. Returns undefined for any other form,
 * which node:crypto may be able to read. Throws RangeError when the iteration count is less than 1 or more than 10 000 000.
 */
export function readEncryptionParameters(octets: Uint8Array): EncryptionParameters | undefined {
  try {
    const info = new DerReader(octets).enter(Tag.SEQUENCE, 'EncryptedPrivateKeyInfo');
    const algorithm = info.enter(Tag.SEQUENCE, 'encryptionAlgorithm');
    if (algorithm.oid('encryptionAlgorithm') !== PBES2) return undefined;
    const parameters = algorithm.enter(Tag.SEQUENCE, 'PBES2-params');
    const derivation = parameters.enter(Tag.SEQUENCE, 'keyDerivationFunc');
    if (derivation.oid('keyDerivationFunc') !== PBKDF2) return undefined;
    const pbkdf2 = derivation.enter(Tag.SEQUENCE, 'PBKDF2-params');
    const salt = pbkdf2.octetString('salt');
    const iterations = pbkdf2.smallInteger('iterationCount');
    if (pbkdf2.has(Tag.INTEGER)) pbkdf2.smallInteger('keyLength');
    const prf = pbkdf2.enter(Tag.SEQUENCE, 'prf');
    const scheme = parameters.enter(Tag.SEQUENCE, 'encryptionScheme');
    if (prf.oid('prf') !== HMAC_SHA256 || scheme.oid('encryptionScheme') !== AES256_CBC) return undefined;
    if (iterations < 1 || iterations > MOST_ITERATIONS) throw new RangeError(`${iterations} iterations`);
    return { salt, iterations, iv: scheme.octetString('iv'), encrypted: info.octetString('encryptedData') };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
