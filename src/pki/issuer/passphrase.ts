import { PkiError } from '../pki-error.js';
import { isReadOnce, readPassphrase } from './secret-file.js';

/**
 * Passphrases read from pipes and descriptors, by path, for the keys that are still to be opened. The value is `undefined` after the passphrase was
 * wiped.
 */
const kept = new Map<string, Buffer | undefined>();

/**
 * Calls `work` with the passphrase in a file, and wipes the passphrase afterwards. A passphrase that comes through a pipe or a descriptor can be read
 * only once, so it is kept for further keys until {@link wipePassphrases}. Throws PkiError `key_unreadable` or `key_file_exposed`, and what `work`
 * throws.
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

/**
 * Wipes the passphrase that {@link withPassphrase} keeps of `path`, if any; of every path when none is named. Afterwards no key can be opened with it.
 */
export function wipePassphrases(path?: string): void {
  for (const [each, passphrase] of kept)
    if (path === undefined || path === each) {
      passphrase?.fill(0);
      kept.set(each, undefined);
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
