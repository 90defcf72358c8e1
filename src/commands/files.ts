import { createReadStream, statSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Configuration } from '../configuration/index.js';
import { isMountPoint, mendOfUnwritable } from '../files/index.js';
import { holdsPrivateKey, PkiError, readSecretFile } from '../pki/index.js';
import { decodeCertificates, serialNumberFromString, type Certificate } from '../x509/index.js';
import { CommandError, messageOf, systemReasonOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import type { Session } from './session.js';

/** What a file is called in a sentence: `-` is stdin. */
export const fileName = (path: string): string => (path === '-' ? 'stdin' : path);

/** Of a file of certificates, requests, keys or lists. */
const MOST_OCTETS = 16 * 1024 * 1024;

/** The octets of a file, or of stdin for `-`. Throws CommandError. */
export async function readInputFile(path: string, { input }: Session): Promise<Buffer> {
  const octets = await boundedOctets(path, path === '-' ? input() : createReadStream(path));
  if (path === '-' && octets.length === 0)
    throw new CommandError('stdin is empty', ExitCode.refused, 'pipe the file in, or name it instead of -');
  return octets;
}

async function boundedOctets(path: string, stream: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of stream) {
      const octets = Buffer.from(piece);
      pieces.push(octets);
      length += octets.length;
      if (length > MOST_OCTETS) break;
    }
  } catch (error) {
    throw unreadable(fileName(path), error);
  }
  if (length <= MOST_OCTETS) return Buffer.concat(pieces);
  throw new CommandError(
    `${fileName(path)} has more than ${MOST_OCTETS / 1024 / 1024} MiB`,
    ExitCode.refused,
    'name a file of certificates, requests, keys or lists',
  );
}

/** The octets of a file that only its owner may read, such as a private key. Throws CommandError, and PkiError `key_file_exposed`. */
export function readOwnersFile(path: string): Buffer {
  try {
    return readSecretFile(path);
  } catch (error) {
    if (!(error instanceof PkiError) || error.code !== 'key_unreadable') throw error;
    // The mend in the PkiError is for the CA's own key, and would be wrong here.
    if (error.cause !== undefined) throw unreadable(path, error.cause);
    throw new CommandError(error.message, ExitCode.unusable, 'name the file that holds the secret');
  }
}

/** What is at a path; undefined when there is nothing. Throws CommandError when that cannot be known: what this user may not see is not absent. */
export function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The serial number that was named where there is no such file. Throws CommandError. */
export function serialNumberOf(target: string): string {
  const serialNumber = serialNumberFromString(target);
  if (serialNumber !== undefined) return serialNumber;
  throw new CommandError(
    `${JSON.stringify(target.slice(0, 80))} is neither a file nor a serial number`,
    ExitCode.refused,
    'look the serial number up with `veritas list`',
  );
}

/** The error for a file that cannot be read. */
export const unreadable = (path: string, error: unknown): CommandError =>
  new CommandError(
    `${path} cannot be read (${systemReasonOf(error)})`,
    ExitCode.unusable,
    'look at its name and its permissions',
  );

/**
 * Checks, before there is anything to write, that a path names a file that can and may be replaced: not a device, not mounted by itself, no private key,
 * and not what this program itself needs, nor one of `read`, which the command reads. Throws CommandError.
 */
export function checkOutputFile(
  path: string | undefined,
  { store, pki }: Configuration,
  read: readonly string[] = [],
): void {
  if (path === undefined) return;
  if (path === '' || path === '-')
    throw new CommandError(`${JSON.stringify(path)} is no name of a file to write`, ExitCode.usage, 'name a file');
  const there = statsOf(path);
  // A file replaces what is at its path: root would replace /dev/null, or the link that /dev/stdout is.
  if (there?.isFile() === false || dirname(resolve(path)) === '/dev')
    throw new CommandError(`${path} is not a regular file`, ExitCode.unusable, 'name a file');
  if (there && isMountPoint(path))
    throw new CommandError(`${path} cannot be written (EBUSY)`, ExitCode.unusable, mendOfUnwritable('EBUSY'));
  const kept = (what: string): CommandError =>
    new CommandError(`${path} ${what}, which is never overwritten`, ExitCode.refused, 'name another file');
  if (holdsPrivateKey(path)) throw kept('holds a private key');
  if (there && read.some((each) => isAt(each, there))) throw kept('is what this command reads');
  const needed = [store.path, `${store.path}-wal`, `${store.path}-shm`, pki.passphraseFile, pki.pkcs11?.pinFile];
  if (there && needed.some((each) => each !== undefined && isAt(each, there)))
    throw kept('belongs to the store or to the keys of the CA');
}

function isAt(path: string, { dev, ino }: Stats): boolean {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    return there?.dev === dev && there.ino === ino;
  } catch {
    // What this user may not see is not what was seen at another path.
    return false;
  }
}

/** The first certificate of a file. Throws CommandError. */
export async function readCertificate(path: string, session: Session): Promise<Certificate> {
  const octets = await readInputFile(path, session);
  try {
    return decodeCertificates(octets)[0];
  } catch (error) {
    throw new CommandError(
      `${fileName(path)} is not a certificate (${messageOf(error)})`,
      ExitCode.refused,
      'name a PEM or DER file of a certificate',
    );
  }
}
