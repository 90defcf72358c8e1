import type { Store } from './store.js';

/**
 * Has something read again whenever another process may have changed the store: when it asks, at an interval, and when the database tells. Its timer does
 * not keep the process alive.
 */
export class StoreFollower {
  readonly #store: Store;
  readonly #read: () => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #seen: string | undefined;
  #isBusy = false;
  #isTold = false;
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;

  /** `read` is tried again at the next occasion when it throws. */
  constructor(store: Store, read: () => Promise<void>, onError: (error: unknown) => void) {
    this.#store = store;
    this.#read = read;
    this.#onError = onError;
  }

  /** Begins; `interval` in milliseconds. */
  start(interval: number): void {
    this.stop();
    this.#timer = setInterval(() => {
      if (!this.#isBusy) void this.#follow();
    }, interval).unref();
    this.#unwatch = this.#store.watch(() => {
      if (this.#isBusy) this.#isTold = true;
      else void this.#follow();
    });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unwatch?.();
    this.#timer = undefined;
    this.#unwatch = undefined;
  }

  async #follow(): Promise<void> {
    this.#isBusy = true;
    this.#isTold = false;
    try {
      // Taken before the rows: what is committed in between is read twice rather than never.
      const version = await this.#store.dataVersion();
      if (version !== this.#seen) await this.#read();
      this.#seen = version;
    } catch (error) {
      this.#onError(error);
    }
    this.#isBusy = false;
    this.#again();
  }

  /** What was told during a reading may have come after it. */
  #again(): void {
    if (this.#isTold) void this.#follow();
  }
}
