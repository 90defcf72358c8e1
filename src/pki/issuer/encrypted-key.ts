import { createCipheriv, createDecipheriv, createPrivateKey, pbkdf2, randomBytes, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { write } from '../../der/index.js';
import { decodePem, encodePem } from '../../x509/index.js';
import {
  AES256_CBC,
  HMAC_SHA256,
  PBES2,
  PBKDF2,
  PBKDF2_ITERATIONS,
  readEncryptionParameters,
} from './encrypted-key-parameters.js';

const SALT_OCTETS = 16;
const IV_OCTETS = 16;
const KEY_OCTETS = 32;

const derive = promisify(pbkdf2);

/**
 * Encrypts a private key as PEM `ENCRYPTED PRIVATE KEY`: EncryptedPrivateKeyInfo (RFC 5958 §3) under PBES2 (RFC 8018 §6.2) with PBKDF2-HMAC-SHA256,
 * 600 000 iterations, and AES-256-CBC. node:crypto and OpenSSL can read it. The derivation is slow on purpose (about a tenth of a second) and runs
 * off the event loop.
 */
export async function encryptPrivateKey(key: KeyObject, passphrase: Buffer): Promise<string> {
  const salt = randomBytes(SALT_OCTETS);
  const iv = randomBytes(IV_OCTETS);
  const encryptionKey = await derive(passphrase, salt, PBKDF2_ITERATIONS, KEY_OCTETS, 'sha256');
  const plain = key.export({ format: 'der', type: 'pkcs8' });
  let encrypted: Buffer;
  try {
    const cipher = createCipheriv('aes-256-cbc', encryptionKey, iv);
    encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  } finally {
    plain.fill(0);
    encryptionKey.fill(0);
  }
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

/**
 * Decrypts PEM `ENCRYPTED PRIVATE KEY`. A key of the form that {@link encryptPrivateKey} writes is derived off the event loop; any other form is left
 * to node:crypto, which blocks. Throws when `pem` is not such a key, the passphrase is wrong, or would take too much work.
 */
export async function decryptPrivateKey(pem: Buffer, passphrase: Buffer): Promise<KeyObject> {
  const [block] = decodePem(pem);
  // createPrivateKey would accept an unencrypted key as well.
  if (block?.label !== 'ENCRYPTED PRIVATE KEY') throw new TypeError('not an encrypted private key');
  const parameters = readEncryptionParameters(block.octets);
  // What was read, and not the text again, in which OpenSSL might find another key.
  if (!parameters)
    return createPrivateKey({ key: Buffer.from(block.octets), format: 'der', type: 'pkcs8', passphrase });
  const { salt, iterations, iv, encrypted } = parameters;
  const encryptionKey = await derive(passphrase, salt, iterations, KEY_OCTETS, 'sha256');
  const plain: Buffer[] = [];
  try {
    const decipher = createDecipheriv('aes-256-cbc', encryptionKey, iv);
    plain.push(decipher.update(encrypted));
    plain.push(decipher.final());
    plain.unshift(Buffer.concat(plain));
    return createPrivateKey({ key: plain[0] ?? Buffer.alloc(0), format: 'der', type: 'pkcs8' });
  } finally {
    for (const octets of [encryptionKey, ...plain]) octets.fill(0);
  }
}
