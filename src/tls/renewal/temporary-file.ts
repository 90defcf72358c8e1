import { mendOfUnwritable, Replacement } from '../../files/index.js';
import { reasonOf, RenewalError } from './renewal-error.js';

/** A complete file on the disk, beside the file that it is to replace; see {@link Replacement}. Each method throws {@link RenewalError}. */
export class TemporaryFile {
  readonly #path: string;
  readonly #replacement: Replacement;

  /** Writes it, with exactly this mode. `sibling` as in {@link Replacement}. */
  constructor(path: string, contents: string | Uint8Array, mode: number, sibling?: string) {
    this.#path = path;
    this.#replacement = this.#attempt(() => new Replacement(path, mode, sibling).keepMode().write(contents).flush());
  }

  /** Moves it to its place, durably. */
  place(): void {
    this.#attempt(() => {
      this.#replacement.place();
    });
  }

  /** As {@link place}, but never replaces a file: false when there was one. */
  placeAnew(): boolean {
    return this.#attempt(() => this.#replacement.placeAnew());
  }

  /** Removes it, unless it was placed. */
  discard(): void {
    this.#replacement.discard();
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new RenewalError('unusable', `${this.#path} cannot be written (${reasonOf(error)})`, {
        mend: mendOfUnwritable(reasonOf(error)),
        cause: error,
      });
    }
  }
}
