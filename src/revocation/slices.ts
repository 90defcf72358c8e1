import { setImmediate } from 'node:timers/promises';

const LONGEST_MS = 0.3;

/** Long work in slices of a third of a millisecond: in between, requests are answered. */
export class Slices {
  #since = performance.now();

  /** To be awaited often: undefined, at once, while the slice is not over. */
  pause(): Promise<void> | undefined {
    if (performance.now() - this.#since < LONGEST_MS) return undefined;
    return this.#turn();
  }

  async #turn(): Promise<void> {
    await setImmediate();
    this.#since = performance.now();
  }
}
