import { beforeAll, describe, expect, it } from '@jest/globals';
import { createCipheriv, createPrivateKey, generateKeyPairSync, pbkdf2Sync, scryptSync } from 'node:crypto';
import { deriveInFull } from '../../../test/support/quick-derivation.js';
import { DecodeError, write } from '../../der/index.js';
import { decodePem, encodePem } from '../../x509/index.js';
import { decryptPrivateKey, encryptPrivateKey } from './encrypted-key.js';
import {
  AES256_CBC,
  HMAC_SHA256,
  PBES2,
  PBKDF2,
  SCRYPT,
  readEncryptionParameters,
} from './encrypted-key-parameters.js';

/** An EncryptedPrivateKeyInfo with nothing in it. */
const encryptedBy = (algorithm: string, ...parameters: readonly Uint8Array[]): Uint8Array =>
  write.sequence(
    write.sequence(write.oid(algorithm), write.sequence(...parameters)),
    write.octetString(new Uint8Array(16)),
  );

const SALT = write.octetString(new Uint8Array(16));

/** With a key derived by these parameters. */
const derivedBy = (derivation: string, ...parameters: readonly Uint8Array[]): Uint8Array =>
  encryptedBy(
    PBES2,
    write.sequence(write.oid(derivation), write.sequence(...parameters)),
    write.sequence(write.oid(AES256_CBC), write.octetString(new Uint8Array(16))),
  );

/** Of the usual form. */
const withIterations = (iterations: number | bigint): Uint8Array =>
  derivedBy(PBKDF2, SALT, write.integer(iterations), write.sequence(write.oid(HMAC_SHA256), write.nullElement()));

const passphrase = Buffer.from('correct horse');

describe('encrypted private keys', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  let pem: string;
  let octets: Uint8Array;
  beforeAll(async () => {
    deriveInFull();
    let turns = 0;
    setImmediate(() => turns++);
    pem = await encryptPrivateKey(privateKey, passphrase);
    octets = decodePem(pem)[0]!.octets;
    // A service makes keys of OCSP responders while it answers others.
    expect(turns).toBe(1);
  });

  it('open with the passphrase: here, and with node:crypto', async () => {
    expect((await decryptPrivateKey(Buffer.from(pem), passphrase)).equals(privateKey)).toBe(true);
    expect(createPrivateKey({ key: pem, passphrase }).equals(privateKey)).toBe(true);
    await expect(decryptPrivateKey(Buffer.from(pem), Buffer.from('another'))).rejects.toThrow();
  });

  it('are derived with 600 000 iterations, and salted anew each time', async () => {
    const again = decodePem(await encryptPrivateKey(privateKey, passphrase))[0]!.octets;
    const [one, two] = [octets, again].map(readEncryptionParameters);
    expect(one!.iterations).toBe(600_000);
    expect(one!.salt).toHaveLength(16);
    expect(Buffer.compare(one!.salt, two!.salt)).not.toBe(0);
    expect(Buffer.compare(one!.iv, two!.iv)).not.toBe(0);
  });

  it('open in the forms that others write as well', async () => {
    for (const cipher of ['aes-128-cbc', 'aes-256-cbc']) {
      const other = privateKey.export({ format: 'pem', type: 'pkcs8', cipher, passphrase });
      expect((await decryptPrivateKey(Buffer.from(other), passphrase)).equals(privateKey)).toBe(true);
    }
  });

  const salt = Buffer.alloc(16, 7);
  const ofSalt = (...rest: readonly Uint8Array[]): Uint8Array => write.sequence(write.octetString(salt), ...rest);
  // RFC 8018 §5.2, appendix B.1.
  const HMAC_SHA512 = write.sequence(write.oid('1.2.840.113549.2.11'), write.nullElement());
  it.each<[string, string, Uint8Array, Buffer]>([
    [
      'HMAC-SHA1, which is not written',
      PBKDF2,
      ofSalt(write.integer(2048)),
      pbkdf2Sync(passphrase, salt, 2048, 32, 'sha1'),
    ],
    ['HMAC-SHA512', PBKDF2, ofSalt(write.integer(2048), HMAC_SHA512), pbkdf2Sync(passphrase, salt, 2048, 32, 'sha512')],
    [
      'scrypt (RFC 7914 §7)',
      SCRYPT,
      ofSalt(write.integer(16_384), write.integer(8), write.integer(1)),
      scryptSync(passphrase, salt, 32, { N: 16_384, r: 8, p: 1 }),
    ],
  ])('open when they are derived by %s', async (_, derivation, parameters, key) => {
    const iv = Buffer.alloc(16, 9);
    const cipher = createCipheriv('aes-256-cbc', key, iv);
    const plain = privateKey.export({ format: 'der', type: 'pkcs8' });
    const encrypted = write.sequence(
      write.sequence(
        write.oid(PBES2),
        write.sequence(
          write.sequence(write.oid(derivation), parameters),
          write.sequence(write.oid(AES256_CBC), write.octetString(iv)),
        ),
      ),
      write.octetString(Buffer.concat([cipher.update(plain), cipher.final()])),
    );
    const pem = Buffer.from(encodePem('ENCRYPTED PRIVATE KEY', encrypted));
    expect((await decryptPrivateKey(pem, passphrase)).equals(privateKey)).toBe(true);
    await expect(decryptPrivateKey(pem, Buffer.from('another'))).rejects.toThrow();
  });

  it('do not open with a count of iterations that would take hours', async () => {
    expect(readEncryptionParameters(withIterations(10_000_000))?.iterations).toBe(10_000_000);
    const hours = encodePem('ENCRYPTED PRIVATE KEY', withIterations(0x7fffffff));
    await expect(decryptPrivateKey(Buffer.from(hours), passphrase)).rejects.toThrow('2147483647 iterations');
    expect(readEncryptionParameters(withIterations(1))?.iterations).toBe(1);
    expect(() => readEncryptionParameters(withIterations(0))).toThrow('0 iterations');
  });

  const scrypt = (...work: readonly number[]) =>
    derivedBy(SCRYPT, SALT, ...work.map((number) => write.integer(number)));
  const tooMany = write.integer(10_000_001);
  it.each<[string, Uint8Array]>([
    ['PBKDF2 with its default, HMAC-SHA1', derivedBy(PBKDF2, SALT, tooMany)],
    ['a count that OpenSSL cuts short', withIterations(0x1_0098_9681)],
    ['scrypt in many lanes', scrypt(16_384, 1, 1024)],
    ['PBES1', encryptedBy('1.2.840.113549.1.5.10', SALT, tooMany)],
    ['PKCS #12', encryptedBy('1.2.840.113549.1.12.1.3', SALT, tooMany)],
    [
      'lengths in BER',
      Buffer.from(
        Buffer.from(withIterations(1))
          .toString('hex')
          .replace(/^30(..)/, '3081$1'),
        'hex',
      ),
    ],
  ])('nor with as much work in another form: %s', async (_, encrypted) => {
    expect(() => readEncryptionParameters(encrypted)).toThrow();
    const pem = Buffer.from(encodePem('ENCRYPTED PRIVATE KEY', encrypted));
    await expect(decryptPrivateKey(pem, passphrase)).rejects.toThrow(/iteration|work|length/);
  });

  it('are nothing else: no plain key, no other octets', async () => {
    const plain = privateKey.export({ format: 'pem', type: 'pkcs8' });
    await expect(decryptPrivateKey(Buffer.from(plain), passphrase)).rejects.toThrow('not an encrypted private key');
    expect(() => readEncryptionParameters(octets.subarray(0, 60))).toThrow(DecodeError);
    for (let cut = 0; cut < octets.length; cut++) {
      const changed = Uint8Array.from(octets);
      changed[cut] = (changed[cut] ?? 0) ^ 0x55;
      try {
        readEncryptionParameters(changed);
      } catch (error) {
        expect([DecodeError, RangeError]).toContain((error as Error).constructor);
      }
    }
    const broken = Buffer.from(encodePem('ENCRYPTED PRIVATE KEY', octets.subarray(0, -1)));
    await expect(decryptPrivateKey(broken, passphrase)).rejects.toThrow();
  });
});
