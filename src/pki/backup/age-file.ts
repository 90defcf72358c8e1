import type { Decrypter } from 'age-encryption';
import { unreadable } from './backup-format.js';

/** Who can open a backup: whoever has the passphrase, or the identity of the recipient (`age1…`). */
export type AgeRecipient = { readonly passphrase: string } | { readonly recipient: string };
/** What opens a backup: a passphrase, or the text of a file of age identities (`AGE-SECRET-KEY-1…`), as age-keygen writes it. */
export type AgeKey = { readonly passphrase: string } | { readonly identities: string };

/** An age file (https://age-encryption.org/v1) of the octets, as a stream. Throws RangeError on what is no recipient. */
export async function encryptForAge(
  octets: AsyncGenerator<Uint8Array>,
  to: AgeRecipient,
): Promise<AsyncIterable<Uint8Array>> {
  // Loaded here: a service that starts needs none of it.
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  if ('passphrase' in to) encrypter.setPassphrase(to.passphrase);
  else {
    try {
      encrypter.addRecipient(to.recipient);
    } catch {
      // Who mixes them up has given the identity, which is a secret; the reason might quote it too.
      throw new RangeError('what was given is no recipient of age (age1…)');
    }
  }
  return encrypter.encrypt(ReadableStream.from(octets));
}

/**
 * The octets of an age file, each proven before it is given out; the last one proves that all were there. Throws PkiError `backup_unreadable` when it is
 * none, or is not for this key, and while reading, when it was changed or cut off. Throws RangeError on what is no identity.
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
    unreadable('it is no age file, or not for this passphrase or identity', error);
  }
  try {
    yield* opened;
  } catch (error) {
    if (isOfSystem(error)) throw error;
    unreadable('it was changed, or cut off', error);
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
    // The reason might quote a secret.
    throw new RangeError('the identity file holds something that is no identity of age');
  }
  if (identities.length === 0) throw new RangeError('the identity file holds no identity of age');
}

/** Reading the file itself failed. */
const isOfSystem = (error: unknown): boolean => error instanceof Error && 'syscall' in error;
