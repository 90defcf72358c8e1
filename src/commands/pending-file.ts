import { mendOfUnwritable, Replacement } from '../files/index.js';
import { CommandError, systemReasonOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { Interruption } from './interruption.js';

/**
 * A file that is written piece by piece beside the file that it will replace; see {@link Replacement}. A signal that ends the process removes it. Every
 * method throws CommandError.
 */
export class PendingFile {
  readonly #path: string;
  readonly #replacement: Replacement;
  readonly #interruption: Interruption;

  /** Makes the temporary file in the folder of `path`. */
  constructor(path: string, mode: number) {
    this.#path = path;
    let replacement: Replacement | undefined;
    // Before there is a file: a signal right after that would leave it.
    this.#interruption = new Interruption(() => replacement?.discard());
    try {
      replacement = attempt(path, () => new Replacement(path, mode));
    } catch (error) {
      this.#interruption.over();
      throw error;
    }
    this.#replacement = replacement;
  }

  write(contents: string | Uint8Array): void {
    this.#attempt(() => this.#replacement.write(contents));
  }

  /** Writes everything to the disk; after that nothing more can be written. */
  flush(): void {
    this.#attempt(() => this.#replacement.flush());
  }

  /** Moves the file to its place, durably. */
  place(): void {
    this.#attempt(() => {
      this.#replacement.place();
    });
    this.#interruption.over();
  }

  /** As {@link place}, but never replaces another file. */
  placeAnew(): void {
    this.#attempt(() => {
      if (!this.#replacement.placeAnew()) throw Object.assign(new Error('it is there'), { code: 'EEXIST' });
    });
    this.#interruption.over();
  }

  /** Removes the temporary file, if it is still there. */
  discard(): void {
    this.#replacement.discard();
    this.#interruption.over();
  }

  #attempt(work: () => unknown): void {
    attempt(this.#path, () => {
      try {
        work();
      } catch (error) {
        this.discard();
        throw error;
      }
    });
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new CommandError(
      `${path} cannot be written (${systemReasonOf(error)})`,
      ExitCode.unusable,
      mendOfUnwritable(systemReasonOf(error)),
    );
  }
}
