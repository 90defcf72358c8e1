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
 * A complete file on the disk, beside the file that it is to replace. Its methods never wait, so that only the end of the process can come between
 * one and the next. Each throws {@link RenewalError}.
 */
export class TemporaryFile {
  readonly #path: string;
  readonly #temporary: string;

  /** Writes it. When root replaces somebody's file, that owner keeps it. */
  constructor(path: string, contents: string | Uint8Array, mode: number) {
    this.#path = path;
    this.#temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
    this.#attempt(() => {
      const file = openSync(this.#temporary, 'wx', mode);
      try {
        // By the open file, not by its name: in somebody else's folder a name can be exchanged meanwhile.
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

  /** Moves it to its place, durably. */
  place(): void {
    this.#attempt(() => {
      renameSync(this.#temporary, this.#path);
      this.#flushFolder();
    });
  }

  /** As {@link place}, but never replaces a file: false when there was one. */
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

  /** Removes it, unless it was placed. */
  discard(): void {
    rmSync(this.#temporary, { force: true });
  }

  /** A rename is durable once the folder is flushed. */
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
