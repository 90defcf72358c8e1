import { rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ensureFolder } from '../pki/index.js';
import { Interruption } from './interruption.js';

/** A file that is to be written; `folderMode` is the mode of its folder where there is none yet. */
interface Planned {
  readonly path: string;
  readonly folderMode: number;
}

/**
 * Makes the folders of files, where there are none, and runs `work`. Those that are still empty then are removed again, whether it came to its end,
 * failed, or a signal ended the process. Throws PkiError `file_unwritable`, and what `work` throws.
 */
export async function withFoldersOf<T>(files: readonly Planned[], work: () => Promise<T>): Promise<T> {
  const made: string[] = [];
  const removeEmpty = (): void => {
    for (const folder of made.toReversed()) removeIfEmpty(folder);
  };
  const interruption = new Interruption(removeEmpty);
  try {
    for (const { path, folderMode } of files) made.push(...ensureFolder(dirname(path), folderMode));
    return await work();
  } finally {
    removeEmpty();
    interruption.over();
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something is in it.
  }
}
