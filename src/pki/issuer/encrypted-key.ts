import { createCipheriv, pbkdf2Sync, randomBytes, type KeyObject } from 'node:crypto';
import { write } from '../../der/index.js';
import { encodePem } from '../../x509/index.js';

// RFC 8018 appendix A and C, RFC 3565 §2.
const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const HMAC_SHA256 = '1.2.840.113549.2.9';
const AES256_CBC = '2.16.840.1.101.3.4.1.42';

/** OWASP Password Storage Cheat Sheet (2023) for PBKDF2-HMAC-SHA256. node:crypto's own export stays at 2048 and cannot be told otherwise. */
export const PBKDF2_ITERATIONS = 600_000;
const SALT_OCTETS = 16;
const IV_OCTETS = 16;
const KEY_OCTETS = 32;

/**
 * A private key as PEM `ENCRYPTED PRIVATE KEY`: EncryptedPrivateKeyInfo (RFC 5958 §3) under PBES2 (RFC 8018 §6.2) with PBKDF2-HMAC-SHA256,
 * 600 000 iterations, and AES-256-CBC. node:crypto and OpenSSL read it. Takes a tenth of a second, on purpose.
 */
export function encryptPrivateKey(key: KeyObject, passphrase: Buffer): string {
  const salt = randomBytes(SALT_OCTETS);
  const iv = randomBytes(IV_OCTETS);
  const encryptionKey = pbkdf2Sync(passphrase, salt, PBKDF2_ITERATIONS, KEY_OCTETS, 'sha256');
  const plain = key.export({ format: 'der', type: 'pkcs8' });
  const cipher = createCipheriv('aes-256-cbc', encryptionKey, iv);
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  plain.fill(0);
  encryptionKey.fill(0);
  return encodePem(
    'ENCRYPTED PRIVATE KEY',
    write.sequence(
      write.sequence(
        write.oid(PBES2),
        write.sequence(
          write.sequence(
            write.oid(PBKDF2),
            write.sequence(
              write.octetString(salt),
              write.integer(PBKDF2_ITERATIONS),
              write.integer(KEY_OCTETS),
              write.sequence(write.oid(HMAC_SHA256), write.nullElement()),
            ),
          ),
          write.sequence(write.oid(AES256_CBC), write.octetString(iv)),
        ),
      ),
      write.octetString(encrypted),
    ),
  );
}
