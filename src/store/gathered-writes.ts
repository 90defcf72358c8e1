import type { Transaction } from './schema.js';
import { StoreError } from './store-error.js';
import type { Store } from './store.js';
import type { WholeWork } from './together.js';

/** How items are written. */
export interface GatheredWork<Item, Result> {
  /** All of them, when nothing is in the way of any; undefined when that takes a look at the rows first. */
  readonly whole: (items: readonly Item[]) => WholeWork<readonly Result[]> | undefined;
  /** All of them in one transaction, with an answer for each in their order: an Error refuses that one. Throws when none of them can be written. */
  readonly write: (transaction: Transaction, items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Bounds what one statement has to carry. */
const MOST_TOGETHER = 64;

/**
 * Writes items of one kind together: those that arrive while others are on their way to the disk become one work of the next commit, in one message where
 * possible. When they cannot be written together, each is written by itself, so that none fails because of another.
 */
export class GatheredWrites<Item, Result> {
  readonly #store: Store;
  readonly #work: GatheredWork<Item, Result>;
  readonly #waiting: Waiting<Item, Result>[] = [];
  #isAsked = false;

  constructor(store: Store, work: GatheredWork<Item, Result>) {
    this.#store = store;
    this.#work = work;
  }

  /** Writes an item; what it returns is durable. Throws what the write throws, and {@link StoreError}. */
  add(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#ask();
    });
  }

  #ask(): void {
    if (this.#isAsked || this.#waiting.length === 0) return;
    this.#isAsked = true;
    void this.#write();
  }

  /** Never throws: whatever fails, fails for those who wait. */
  async #write(): Promise<void> {
    let taken: readonly Waiting<Item, Result>[] = [];
    // Taken only when the turn of this work has come: until then more items can arrive.
    const items = (): Item[] => {
      if (taken.length === 0) taken = this.#take();
      return taken.map(({ item }) => item);
    };
    try {
      const results = await this.#store.transaction<readonly (Result | Error)[]>(
        (transaction) => this.#work.write(transaction, items()),
        () => this.#work.whole(items()),
      );
      settle(taken, results);
    } catch (error) {
      if (taken.length === 0) taken = this.#take();
      if (taken.length === 1 || error instanceof StoreError) for (const { reject } of taken) reject(error);
      else await Promise.all(taken.map((one) => this.#writeAlone(one)));
    }
  }

  async #writeAlone(one: Waiting<Item, Result>): Promise<void> {
    try {
      settle([one], await this.#store.transaction((transaction) => this.#work.write(transaction, [one.item])));
    } catch (error) {
      one.reject(error);
    }
  }

  #take(): readonly Waiting<Item, Result>[] {
    const taken = this.#waiting.splice(0, MOST_TOGETHER);
    this.#isAsked = false;
    this.#ask();
    return taken;
  }
}

function settle<Item, Result>(taken: readonly Waiting<Item, Result>[], results: readonly (Result | Error)[]): void {
  for (const [i, { resolve, reject }] of taken.entries()) {
    const result = results[i];
    if (result instanceof Error) reject(result);
    else resolve(result as Result);
  }
}
