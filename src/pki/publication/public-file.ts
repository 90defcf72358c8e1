import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolders, removeLeftovers } from '../../files/index.js';
import { unwritable } from './atomic-file.js';

/*
 * Files that others read and serve, a web server perhaps: whatever the umask of whoever runs this, they may. All of it but making a folder that is missing is done beside
 * the event loop, so that a disk that stalls holds up no request.
 */

const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

/** Some file systems: what is mounted there has the modes of the mount. */
const hasNoModes = (): undefined => undefined;

/** A path for what is to be the file at `path`, beside it: in its folder, which is made where there is none. Throws what the file system throws. */
export async function draftOf(path: string): Promise<string> {
  const folder = dirname(path);
  const isThere = (await stat(folder).catch(() => undefined))?.isDirectory() ?? false;
  const made = isThere ? [] : makeFolders(folder, FOLDER_MODE);
  for (const each of made) await chmod(each, FOLDER_MODE).catch(hasNoModes);
  await access(folder, constants.W_OK);
  await removeLeftovers(folder);
  return join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Makes a file that was not there, for reading and writing. Throws what the file system throws. */
export async function createPublicFile(path: string): Promise<FileHandle> {
  const file = await open(path, 'wx+', FILE_MODE);
  await file.chmod(FILE_MODE).catch(hasNoModes);
  return file;
}

/** Makes a file that was not there, flushed. Throws what the file system throws. */
export async function writePublicFile(path: string, octets: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const file = await createPublicFile(path);
  try {
    await file.writeFile(octets);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives a file that is flushed the name it is read under: nobody sees a part of it. Throws what the file system throws. */
export async function placePublicFile(draft: string, path: string): Promise<void> {
  await rename(draft, path);
  // A rename is durable when the folder is.
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Replaces a file that does not hold `octets` already: whoever reads it, and a crash, sees the old octets or the new ones. `isWanted` is asked when all is
 * written: the disk may have taken its time. Throws PkiError `file_unwritable`, also for what `isWanted` throws.
 */
export async function replacePublicFile(
  path: string,
  octets: Uint8Array,
  isWanted: () => Promise<boolean>,
): Promise<void> {
  try {
    if ((await readFile(path).catch(() => undefined))?.equals(octets)) return;
    const draft = await draftOf(path);
    try {
      await writePublicFile(draft, octets);
      if (await isWanted()) await placePublicFile(draft, path);
    } finally {
      await rm(draft, { force: true });
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}
