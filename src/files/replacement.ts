import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
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
import { removeLeftoversOf } from './leftovers.js';
import { isMountPoint } from './mount-points.js';

/**
 * A file that is written beside the one whose place it takes, so that nobody, and no start after a crash, finds half of it. Its methods never wait, so that
 * only the end of the process can come between one and the next. Each throws what the file system says, and then leaves nothing behind.
 */
export class Replacement {
  readonly #path: string;
  readonly #temporary: string;
  readonly #mode: number;
  #file: number | undefined;

  /**
   * Makes it in the folder of `path`, empty. When root replaces somebody's file, or makes one beside his `sibling`, it is that owner's. What a process that
   * was killed amid one of the same `path` left there a minute ago or longer is taken away: it may be half a key.
   */
  constructor(path: string, mode: number, sibling = path) {
    removeLeftoversOf(path);
    this.#path = path;
    this.#mode = mode;
    this.#temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
    const file = (this.#file = openSync(this.#temporary, 'wx', mode));
    this.#orNothing(() => {
      const [old, like] = [path, sibling].map((each) => lstatSync(each, { throwIfNoEntry: false }));
      if (old?.isDirectory()) throw Object.assign(new Error('EISDIR: it is a folder'), { code: 'EISDIR' });
      if (old && isMountPoint(path)) throw Object.assign(new Error('EBUSY: it is a mount point'), { code: 'EBUSY' });
      // By the open file, not by its name: in somebody else's folder a name can be exchanged meanwhile.
      if (like?.isFile() && process.geteuid?.() === 0) fchownSync(file, like.uid, like.gid);
    });
  }

  /** Gives it the mode also in those bits that the mask of the process has taken away. */
  keepMode(): this {
    return this.#orNothing(() => {
      if (this.#file !== undefined) fchmodSync(this.#file, this.#mode);
      return this;
    });
  }

  /** Appends. */
  write(contents: string | Uint8Array): this {
    return this.#orNothing(() => {
      if (this.#file !== undefined) writeFileSync(this.#file, contents);
      return this;
    });
  }

  /** Writes everything to the disk. After that nothing is appended. */
  flush(): this {
    return this.#orNothing(() => {
      if (this.#file !== undefined) fsyncSync(this.#file);
      this.#close();
      return this;
    });
  }

  /** Moves it to its place, durably. */
  place(): void {
    this.flush().#orNothing(() => {
      this.#durably(() => {
        renameSync(this.#temporary, this.#path);
      });
    });
  }

  /** As {@link place}, but never takes the place of a file: false, and nothing is left behind, when there is one. */
  placeAnew(): boolean {
    return this.flush().#orNothing(() =>
      this.#durably(() => {
        const isPlaced = this.#link();
        rmSync(this.#temporary);
        return isPlaced;
      }),
    );
  }

  /** Removes it, unless it is in its place. */
  discard(): void {
    this.#close();
    rmSync(this.#temporary, { force: true });
  }

  #link(): boolean {
    try {
      // A hard link fails where a rename would overwrite.
      linkSync(this.#temporary, this.#path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** A rename is durable once the folder is flushed. That is opened before: what cannot be made durable is not done. */
  #durably<T>(rename: () => T): T {
    const folder = openSync(dirname(this.#path), 'r');
    try {
      const result = rename();
      fsyncSync(folder);
      return result;
    } finally {
      closeSync(folder);
    }
  }

  #close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file);
  }

  #orNothing<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      try {
        this.discard();
      } catch {
        // The first failure says more.
      }
      throw error;
    }
  }
}
