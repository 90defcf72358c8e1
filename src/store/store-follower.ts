import type { Store } from './store.js';

/** What follows a store. */
interface StoreReader {
  /** Tried again at the next occasion when it throws. */
  readonly read: () => Promise<void>;
  readonly onError: (error: unknown) => void;
  /** Told when a look found nothing new, as of a moment of `clock`. */
  readonly unchanged?: (asOf: number) => void;
  readonly clock?: () => number;
}

/**
 * Has something read again whenever another process may have changed the store: when it asks, at an interval, and when the database tells. Its timer does
 * not keep the process alive.
 */
export class StoreFollower {
  readonly #store: Store;
  readonly #reader: StoreReader;
  #seen: string | undefined;
  #isBusy = false;
  #isTold = false;
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  #reading: Promise<void> | undefined;
  #onRead: (() => void) | undefined;

  constructor(store: Store, reader: StoreReader) {
    this.#store = store;
    this.#reader = reader;
  }

  /** Reads now. Calls that arrive together share one reading, and a call during a reading causes another one. Throws what `read` throws. */
  async read(): Promise<void> {
    const before = this.#reading;
    if (before) await before.catch(() => undefined);
    this.#reading ??= this.#reader.read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Begins; `interval` in milliseconds. `onRead` is told of each reading that it leads to. */
  start(interval: number, onRead?: () => void): void {
    this.stop();
    this.#onRead = onRead;
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
    this.#onRead = undefined;
  }

  async #follow(): Promise<void> {
    this.#isBusy = true;
    this.#isTold = false;
    try {
      const asOf = this.#reader.clock?.() ?? 0;
      // Taken before the rows: what is committed in between is read twice rather than never.
      const version = await this.#store.dataVersion();
      if (version === this.#seen) this.#reader.unchanged?.(asOf);
      else {
        await this.read();
        this.#onRead?.();
      }
      this.#seen = version;
    } catch (error) {
      this.#reader.onError(error);
    }
    this.#isBusy = false;
    this.#again();
  }

  /** What was told during a reading may have come after it. */
  #again(): void {
    if (this.#isTold) void this.#follow();
  }
}
