import { PkiError } from '../pki-error.js';
import { isReadOnce, readPassphrase } from './secret-file.js';

/** What came through pipes and descriptors, by path, for the keys that are still to be opened; `undefined` once it was wiped. */
const kept = new Map<string, Buffer | undefined>();

/**
 * Has `work` use the passphrase in a file and wipes it. One that comes through a pipe or a descriptor is read once, and kept for the keys that
 * are opened after this one until {@link wipePassphrases}. Throws PkiError `key_unreadable` or `key_file_exposed`, and what `work` throws.
 */
export async function withPassphrase<T>(path: string, work: (passphrase: Buffer) => Promise<T> | T): Promise<T> {
  if (isReadOnce(path)) return work(onlyOnce(path));
  const passphrase = readPassphrase(path);
  try {
    return await work(passphrase);
  } finally {
    passphrase.fill(0);
  }
}

/** Wipes what {@link withPassphrase} keeps: no more keys are to be opened with it. */
export function wipePassphrases(): void {
  for (const [path, passphrase] of kept) {
    passphrase?.fill(0);
    kept.set(path, undefined);
  }
}

function onlyOnce(path: string): Buffer {
  if (!kept.has(path)) kept.set(path, readPassphrase(path));
  const passphrase = kept.get(path);
  if (!passphrase)
    throw new PkiError(
      'key_unreadable',
      `the passphrase that came through ${path} was wiped when the keys had been opened: start again to open another key`,
    );
  return passphrase;
}
