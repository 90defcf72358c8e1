import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PkiError } from '../pki-error.js';
import { createFile, ensurePrivateFolder } from '../publication/atomic-file.js';

const MAX_OCTETS = 64 * 1024;
const PASSPHRASE_OCTETS = 32;

/** Reads a file that only its owner may read. Throws PkiError `key_unreadable`, or `key_file_exposed` when group or others may do anything with it. */
export function readSecretFile(path: string): Buffer {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new PkiError('key_unreadable', `${path} cannot be read (${reasonOf(error)})`, { cause: error });
  }
  try {
    const { mode, size } = fstatSync(file);
    if ((mode & 0o077) !== 0) throw new PkiError('key_file_exposed', `${path} is open to others than its owner`);
    if (size > MAX_OCTETS) throw new PkiError('key_unreadable', `${path} is too large for a key or a passphrase`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** Refuses a secret file that others may read, when there is one. Throws PkiError `key_file_exposed`. */
export function checkSecretFile(path: string): void {
  if (existsSync(path)) readSecretFile(path).fill(0);
}

/** The passphrase in its file, without the white space around it. Throws PkiError `key_unreadable` when it is empty. */
export function readPassphrase(path: string): Buffer {
  const text = readSecretFile(path).toString('utf8').trim();
  if (text === '')
    throw new PkiError('key_unreadable', `${path} is empty: it should hold the passphrase of the CA's keys`);
  return Buffer.from(text, 'utf8');
}

/** Makes a passphrase of 256 random bits when there is none yet. True when it did. */
export function ensurePassphrase(path: string): boolean {
  if (existsSync(path)) return false;
  ensurePrivateFolder(dirname(path));
  return createFile(path, `${randomBytes(PASSPHRASE_OCTETS).toString('base64url')}\n`, 0o600);
}

const reasonOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown reason';
