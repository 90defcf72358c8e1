import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { makeFolders, Replacement } from '../../files/index.js';
import { PkiError } from '../pki-error.js';

// What this product puts into its folders. A folder with anything else in it is somebody's, and its permissions are theirs.
const OURS = /^(?:README\.md|ca|passphrase|[a-z0-9_-]+\.pem|[a-z0-9_-]+\.(?:key|csr)\.pem|\..+\.tmp)$/;

/** A file of keys is small: what is larger is not looked at. */
const KEY_FILE_OCTETS = 64 * 1024;

/** Makes a folder where there is none, and gives those that it made, the uppermost first. Throws PkiError `file_unwritable`. */
export function ensureFolder(path: string, mode: number): readonly string[] {
  return writing(path, () => makeFolders(path, mode));
}

/**
 * Makes a folder that only its owner may enter (0700). An existing one that is open to others is closed, when it holds nothing but our own files. Throws
 * PkiError `file_unwritable`.
 */
export function ensurePrivateFolder(path: string): void {
  ensureFolder(path, 0o700);
  const open = (statSync(path).mode & 0o077) !== 0;
  if (!open || !readdirSync(path).every((name) => OURS.test(name))) return;
  writing(path, () => {
    chmodSync(path, 0o700);
  });
}

/** Whether a file has a private key in it, in PEM, whatever else is. One that is there and cannot be read counts as such. */
export function holdsPrivateKey(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile() || stats.size > KEY_FILE_OCTETS) return false;
  return readIfThere(path)?.includes('PRIVATE KEY-----') ?? true;
}

/**
 * Replaces a file whole: a reader, and a crash, see the old octets or the new ones. Its folder must exist. Throws PkiError `file_unwritable`, for a file
 * with a private key too.
 */
export function replaceFile(path: string, contents: string | Uint8Array, mode: number): void {
  if (holdsPrivateKey(path))
    throw new PkiError('file_unwritable', `${path} holds a private key, which is never overwritten`);
  replacing(path, contents, mode, (replacement) => {
    replacement.place();
  });
}

/** Replaces a file that does not hold `contents` already. True when it did. */
export function replaceFileIfChanged(path: string, contents: string | Uint8Array, mode: number): boolean {
  const wanted = Buffer.from(contents);
  if (readIfThere(path)?.equals(wanted)) return false;
  replaceFile(path, wanted, mode);
  return true;
}

/**
 * Makes a new file that only its owner may read (0600), whole or not at all. False, and nothing is changed, when there was one. Throws PkiError
 * `file_unwritable`.
 */
export function createPrivateFile(path: string, contents: string | Uint8Array): boolean {
  return replacing(path, contents, 0o600, (replacement) => replacement.placeAnew());
}

function replacing<T>(
  path: string,
  contents: string | Uint8Array,
  mode: number,
  place: (replacement: Replacement) => T,
): T {
  return writing(path, () => place(new Replacement(path, mode).write(contents)));
}

function writing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** PkiError `file_unwritable`, for what the file system threw. */
export function unwritable(path: string, error: unknown): PkiError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown reason';
  return new PkiError('file_unwritable', `${path} cannot be written (${code})`, { cause: error });
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
