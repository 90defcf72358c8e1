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
import { CommandError, systemReasonOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { Interruption } from './interruption.js';

/**
 * A file that is written piece by piece beside the file that it will replace, so that nobody sees it before it is whole. A signal that ends the
 * process removes it. Every method throws CommandError.
 */
export class PendingFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #interruption: Interruption;
  #file: number | undefined;
  #isMade = false;

  /** Makes the temporary file in the folder of `path`. When root replaces somebody's file, that owner keeps it. */
  constructor(path: string, mode: number) {
    this.#path = path;
    this.#temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
    this.#interruption = new Interruption(() => {
      this.#remove();
    });
    this.#attempt(() => {
      this.#file = openSync(this.#temporary, 'wx', mode);
      this.#isMade = true;
      // By the open file, not by its name: in somebody else's folder a name can be exchanged meanwhile.
      const old = lstatSync(path, { throwIfNoEntry: false });
      if (old?.isFile() && process.geteuid?.() === 0) fchownSync(this.#file, old.uid, old.gid);
    });
  }

  write(contents: string | Uint8Array): void {
    this.#attempt(() => {
      if (this.#file !== undefined) writeFileSync(this.#file, contents);
    });
  }

  /** Writes everything to the disk; after that nothing more can be written. */
  flush(): void {
    this.#attempt(() => {
      if (this.#file !== undefined) fsyncSync(this.#file);
      this.#close();
    });
  }

  /** Moves the file to its place, durably. */
  place(): void {
    this.#place(() => {
      renameSync(this.#temporary, this.#path);
    });
  }

  /** As {@link place}, but never replaces another file. */
  placeAnew(): void {
    this.#place(() => {
      // A hard link fails where a rename would overwrite.
      linkSync(this.#temporary, this.#path);
      rmSync(this.#temporary);
    });
  }

  #place(put: () => void): void {
    this.flush();
    this.#attempt(() => {
      put();
      this.#interruption.over();
      // A rename is durable once the folder is flushed.
      const folder = openSync(dirname(this.#path), 'r');
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    });
  }

  /** Removes the temporary file, if it is still there. */
  discard(): void {
    this.#close();
    this.#remove();
    this.#interruption.over();
  }

  /** Where none was made, there may not even be a folder. */
  #remove(): void {
    if (this.#isMade) rmSync(this.#temporary, { force: true });
  }

  #close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file);
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.discard();
      throw new CommandError(
        `${this.#path} cannot be written (${systemReasonOf(error)})`,
        ExitCode.unusable,
        'look at its folder, its permissions and the space on the disk',
      );
    }
  }
}
