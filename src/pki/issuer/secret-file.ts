import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { PkiError } from '../pki-error.js';
import { createPrivateFile, ensurePrivateFolder } from '../publication/atomic-file.js';

const MAX_OCTETS = 64 * 1024;
const PASSPHRASE_OCTETS = 32;
/**
 * Descriptors that this process inherited. They are read directly instead of being opened by path, because a pipe or socket behind one cannot always
 * be opened again.
 */
const DESCRIPTOR = /^\/dev\/(?:stdin|fd\/(\d{1,6}))$/;

/**
 * Reads a secret file or an inherited descriptor, at most 64 KiB. `setting` is the setting that names the file and appears in the message. Throws
 * PkiError `key_unreadable` when it cannot be read, is no file or pipe, or is too large, and `key_file_exposed` when group or others have any permission on the file.
 */
export function readSecretFile(path: string, setting?: string): Buffer {
  const descriptor = descriptorOf(path);
  let file: number | undefined;
  try {
    file = descriptor ?? openSync(path, 'r');
    checkPrivate(fstatSync(file), path, setting);
    return readWhole(file, path);
  } catch (error) {
    throw error instanceof PkiError ? error : unreadable(path, error);
  } finally {
    if (file !== undefined && descriptor === undefined) closeSync(file);
  }
}

/**
 * Checks the permissions of a secret file without opening it, because a pipe can be read only once. A file that does not exist passes. Throws like
 * {@link readSecretFile}; the message names the `setting`.
 */
export function checkSecretFile(path: string, setting: string): void {
  const stats = statsOf(path);
  if (!stats) return;
  checkPrivate(stats, path, setting);
  try {
    if (descriptorOf(path) === undefined) accessSync(path, constants.R_OK);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Whether a secret file exists. Throws PkiError `key_unreadable` when this process may not find out: an inaccessible file is not an absent one. */
export const hasSecretFile = (path: string): boolean => statsOf(path) !== undefined;

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * Reads a secret file and trims white space around the secret. The underlying ArrayBuffer holds nothing else, so that the caller can wipe it. Throws
 * PkiError `key_unreadable` when the file is empty, and what {@link readSecretFile} throws.
 */
export function readPassphrase(path: string): Buffer {
  const octets = readSecretFile(path);
  let [from, to] = [0, octets.length];
  while (from < to && isSpace(octets[from])) from++;
  while (to > from && isSpace(octets[to - 1])) to--;
  if (from === to)
    throw new PkiError(
      'key_unreadable',
      `${path} is empty: it should hold the passphrase of the CA's keys, or the PIN of their token`,
    );
  return octets.subarray(from, to);
}

/** Whether the secret at `path` can be read only once: it is a pipe, or a descriptor whose position stays at the end after reading. */
export const isReadOnce = (path: string): boolean =>
  descriptorOf(path) !== undefined || statSync(path, { throwIfNoEntry: false })?.isFile() === false;

/** Creates a file with a passphrase of 256 random bits unless the file exists or `path` is a descriptor. */
export function ensurePassphrase(path: string): void {
  if (existsSync(path) || descriptorOf(path) !== undefined) return;
  ensurePrivateFolder(dirname(path));
  createPrivateFile(path, `${randomBytes(PASSPHRASE_OCTETS).toString('base64url')}\n`);
}

function descriptorOf(path: string): number | undefined {
  const match = DESCRIPTOR.exec(path);
  return match ? Number(match[1] ?? 0) : undefined;
}

/** Checks the kind, the permissions and the size. A descriptor that is not a regular file may be anything: no other process can open it. */
function checkPrivate(stats: Stats, path: string, setting?: string): void {
  const named = stats.isFile() || descriptorOf(path) === undefined;
  // Nobody should be told to change the permissions of a folder or of /dev/null.
  if (named && !stats.isFile() && !stats.isFIFO()) throw new PkiError('key_unreadable', `${path} is not a file`);
  if (named && (stats.mode & 0o077) !== 0)
    throw new PkiError(
      'key_file_exposed',
      `${setting === undefined ? '' : `${setting}: `}${path} is open to others than its owner`,
    );
  if (stats.size > MAX_OCTETS) throw tooLarge(path);
}

/** Reads to the end of the file, into a buffer that is not shared and that the caller can wipe. */
function readWhole(file: number, path: string): Buffer {
  const octets = Buffer.alloc(MAX_OCTETS + 1);
  try {
    let length = 0;
    for (let read = 1; read > 0 && length < octets.length; length += read)
      read = readSync(file, octets, length, octets.length - length, null);
    if (length > MAX_OCTETS) throw tooLarge(path);
    const whole = Buffer.alloc(length);
    octets.copy(whole);
    return whole;
  } finally {
    octets.fill(0);
  }
}

const isSpace = (octet: number | undefined): boolean =>
  octet === 0x20 || (octet !== undefined && octet >= 0x09 && octet <= 0x0d);

const tooLarge = (path: string): PkiError =>
  new PkiError('key_unreadable', `${path} is too large for a key or a passphrase`);

function unreadable(path: string, error: unknown): PkiError {
  const { code } = error as NodeJS.ErrnoException;
  return new PkiError('key_unreadable', `${path} cannot be read (${code ?? 'unknown reason'})`, { cause: error });
}
