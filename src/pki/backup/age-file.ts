import type { Decrypter } from 'age-encryption';
import { unreadable } from './backup-format.js';

/** Who a backup is encrypted to: holders of a passphrase, or the holder of the identity that belongs to an age recipient (`age1…`). */
export type AgeRecipient = { readonly passphrase: string } | { readonly recipient: string };
/** What decrypts a backup: a passphrase, or the contents of a file of age identities (`AGE-SECRET-KEY-1…`) as age-keygen writes it. */
export type AgeKey = { readonly passphrase: string } | { readonly identities: string };

/**
 * Encrypts `octets` as an age file (https://age-encryption.org/v1) and streams it. Throws RangeError when `to.recipient` is not a valid age
 * recipient.
 */
export async function encryptForAge(
  octets: AsyncGenerator<Uint8Array>,
  to: AgeRecipient,
): Promise<AsyncIterable<Uint8Array>> {
  // Imported lazily: a service never needs age to start.
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  if ('passphrase' in to) encrypter.setPassphrase(to.passphrase);
  else {
    try {
      encrypter.addRecipient(to.recipient);
    } catch {
      // The value may be an identity given by mistake. An identity is secret and the library's error might quote it, so that error is dropped.
      throw new RangeError('the recipient is not a valid age recipient (age1…)');
    }
  }
  return encrypter.encrypt(ReadableStream.from(octets));
}

/**
 * Decrypts an age file. Every chunk is authenticated before it is yielded, and the last chunk proves that the file is complete. Throws PkiError
 * `backup_unreadable` when the file is not an age file or is not encrypted to this key, and while reading when it was changed or truncated. Throws
 * RangeError when `key.identities` holds a line that is not an age identity, or no identity at all.
 */
export async function* decryptFromAge(file: AsyncIterable<Uint8Array>, key: AgeKey): AsyncGenerator<Uint8Array> {
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  if ('passphrase' in key) decrypter.addPassphrase(key.passphrase);
  else addIdentities(decrypter, key.identities);
  let opened: AsyncIterable<Uint8Array>;
  try {
    opened = await decrypter.decrypt(ReadableStream.from(file));
  } catch (error) {
    if (isOfSystem(error)) throw error;
    unreadable('it is not an age file, or not encrypted to this passphrase or identity', error);
  }
  try {
    yield* opened;
  } catch (error) {
    if (isOfSystem(error)) throw error;
    unreadable('it was changed or truncated', error);
  }
}

function addIdentities(decrypter: Decrypter, text: string): void {
  const identities = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  try {
    for (const identity of identities) decrypter.addIdentity(identity);
  } catch {
    // The library's error might quote the secret identity, so that error is dropped.
    throw new RangeError('the identity file holds a line that is not an age identity');
  }
  if (identities.length === 0) throw new RangeError('the identity file holds no age identity');
}

/** Whether the operating system failed to read the file, as opposed to a file with wrong contents. */
const isOfSystem = (error: unknown): boolean => error instanceof Error && 'syscall' in error;
