import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { reasonOf, RenewalError } from './renewal-error.js';

/**
 * A file that is whole and on the disk, beside the one whose place it is to take. No method waits for anything, so that nothing but the end of the process comes
 * between one and the next. Each throws {@link RenewalError}.
 */
export class TemporaryFile {
  readonly #path: string;
  readonly #temporary: string;

  /** Writes it. What root replaces stays the property of whom it belonged to. */
  constructor(path: string, contents: string | Uint8Array, mode: number) {
    this.#path = path;
    this.#temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
    this.#attempt(() => {
      const file = openSync(this.#temporary, 'wx', mode);
      try {
        // By the open file, not by its name: in a folder of somebody else a name can be exchanged meanwhile.
        const old = lstatSync(path, { throwIfNoEntry: false });
        if (old?.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
        if (old?.isFile() && process.geteuid?.() === 0) fchownSync(file, old.uid, old.gid);
        writeFileSync(file, contents);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    });
  }

  /** Puts it in its place, durably. */
  place(): void {
    this.#attempt(() => {
      renameSync(this.#temporary, this.#path);
      this.#flushFolder();
    });
  }

  /** As {@link place}, and never in the place of another one: false when there was one. */
  placeAnew(): boolean {
    return this.#attempt(() => {
      try {
        // A hard link fails where a rename would overwrite.
        linkSync(this.#temporary, this.#path);
      } catch (error) {
        if (reasonOf(error) === 'EEXIST') return false;
        throw error;
      }
      rmSync(this.#temporary);
      this.#flushFolder();
      return true;
    });
  }

  /** Takes it away, when it was not placed. */
  discard(): void {
    rmSync(this.#temporary, { force: true });
  }

  /** A rename is durable when the folder is. */
  #flushFolder(): void {
    const folder = openSync(dirname(this.#path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      try {
        this.discard();
      } catch {
        // The first failure says more.
      }
      throw new RenewalError('unusable', `${this.#path} cannot be written (${reasonOf(error)})`, {
        mend: 'look at its folder, its permissions and the space on the disk',
        cause: error,
      });
    }
  }
}
