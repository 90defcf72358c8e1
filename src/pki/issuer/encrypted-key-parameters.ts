import { DerReader, Tag } from '../../der/index.js';

// RFC 8018 appendix C.
export const PBES2 = '1.2.840.113549.1.5.13';
export const PBKDF2 = '1.2.840.113549.1.5.12';
export const HMAC_SHA256 = '1.2.840.113549.2.9';
export const AES256_CBC = '2.16.840.1.101.3.4.1.42';
// RFC 7914 §7.
export const SCRYPT = '1.3.6.1.4.1.11591.4.11';

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
// N · r · p, which take about as long; OpenSSL's own are 2^17.
const MOST_SCRYPT_WORK = 2 ** 23;

/**
 * Decodes an EncryptedPrivateKeyInfo (RFC 5958 §3) of the form that this product writes. Returns undefined for any other form,
 * which node:crypto may be able to read. Throws DecodeError when it is none in DER, and RangeError when the passphrase would take too much work in any form:
 * an iteration count that is less than 1 or more than 10 000 000, or scrypt beyond 2^23 blocks.
 */
export function readEncryptionParameters(octets: Uint8Array): EncryptionParameters | undefined {
  const info = new DerReader(octets).enter(Tag.SEQUENCE, 'EncryptedPrivateKeyInfo');
  const algorithm = info.enter(Tag.SEQUENCE, 'encryptionAlgorithm');
  const isPbes2 = algorithm.oid('encryptionAlgorithm') === PBES2;
  const parameters = algorithm.enter(Tag.SEQUENCE, 'encryptionAlgorithm parameters');
  if (!isPbes2) {
    // PBES1 and PKCS #12 have the same (RFC 8018 appendix A.3, RFC 7292 appendix C).
    parameters.octetString('salt');
    readIterations(parameters);
    return undefined;
  }
  const derivation = parameters.enter(Tag.SEQUENCE, 'keyDerivationFunc');
  const oid = derivation.oid('keyDerivationFunc');
  const derived = derivation.enter(Tag.SEQUENCE, 'keyDerivationFunc parameters');
  const salt = derived.octetString('salt');
  if (oid === SCRYPT) checkScryptWork(derived);
  if (oid !== PBKDF2) return undefined;
  const iterations = readIterations(derived);
  if (derived.has(Tag.INTEGER)) derived.smallInteger('keyLength');
  // Absent, it is HMAC-SHA1.
  if (derived.done) return undefined;
  const prf = derived.enter(Tag.SEQUENCE, 'prf');
  const scheme = parameters.enter(Tag.SEQUENCE, 'encryptionScheme');
  if (prf.oid('prf') !== HMAC_SHA256 || scheme.oid('encryptionScheme') !== AES256_CBC) return undefined;
  return { salt, iterations, iv: scheme.octetString('iv'), encrypted: info.octetString('encryptedData') };
}

function readIterations(parameters: DerReader): number {
  const iterations = parameters.smallInteger('iterationCount');
  if (iterations < 1 || iterations > MOST_ITERATIONS) throw new RangeError(`${iterations} iterations`);
  return iterations;
}

function checkScryptWork(parameters: DerReader): void {
  const work = ['costParameter', 'blockSize', 'parallelizationParameter']
    .map((what) => parameters.smallInteger(what))
    .reduce((product, factor) => product * factor, 1);
  if (work > MOST_SCRYPT_WORK) throw new RangeError(`scrypt with ${work} blocks of work`);
}
