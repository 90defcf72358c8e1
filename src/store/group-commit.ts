import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database, Transaction } from './schema.js';
import { StoreError } from './store-error.js';
import { commitTogether, type WholeWork } from './together.js';

type Work<T> = (transaction: Transaction) => Promise<T>;

interface Waiting {
  readonly work: Work<unknown>;
  readonly whole: (() => WholeWork<unknown> | undefined) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** As many as share one commit: bounds how long the first waits for the last. */
const MOST_TOGETHER = 64;
/** How long works may follow each other before the event loop has its turn. */
const LONGEST_MS = 5;

/**
 * Runs works on one database, each as if it had its own transaction: it commits when it returns, and it alone is undone when it throws. Those that arrive
 * during a commit share the next one, because the flush to the disk is what takes time. Nobody hears of a work before its commit is durable.
 */
export class GroupCommit {
  readonly #database: Database;
  readonly #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** `whole` is asked when its turn has come and nobody else's has: what it gives goes in place of `work`, in one round trip. */
  run<T>(work: Work<T>, whole?: () => WholeWork<T> | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, whole, resolve: resolve as (value: unknown) => void, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Until what was asked for has been committed or undone. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Wait for works that arrive in the same turn of the event loop, or that continue because of the commit before.
      await setImmediate();
      const [first, ...others] = this.#waiting.splice(0, MOST_TOGETHER);
      if (first) await (others.length === 0 ? this.#commitOne(first) : this.#commit([first, ...others]));
    }
    this.#draining = undefined;
  }

  /** Never throws. */
  async #commitOne({ work, whole, resolve, reject }: Waiting): Promise<void> {
    try {
      const done = whole && (await commitTogether(this.#database, whole));
      resolve(done ? done.value : await this.#database.transaction().execute(work));
    } catch (error) {
      reject(error);
    }
  }

  /** Never throws: whatever fails, fails the works of this commit. */
  async #commit(together: readonly Waiting[]): Promise<void> {
    const outcomes: Outcome[] = [];
    let failure: unknown;
    try {
      await this.#database.transaction().execute(async (transaction) => {
        let since = performance.now();
        for (const { work } of together) {
          outcomes.push(await attempt(transaction, work));
          if (performance.now() - since < LONGEST_MS) continue;
          await setImmediate();
          since = performance.now();
        }
      });
    } catch (error) {
      failure = error;
    }
    for (const [i, { resolve, reject }] of together.entries()) {
      const outcome = outcomes[i];
      // A work may have failed because of rows of its siblings, which are undone with it: when the commit failed, only that error counts.
      if (failure !== undefined || !outcome) reject(failure);
      else if (!outcome.ok) reject(outcome.error);
      else resolve(outcome.value);
    }
  }
}

/** Throws only when the work cannot be undone by itself: then the database has undone the whole transaction (full disk, connection lost). */
async function attempt(transaction: Transaction, work: Work<unknown>): Promise<Outcome> {
  await sql`savepoint work`.execute(transaction);
  try {
    const value = await work(transaction);
    await sql`release work`.execute(transaction);
    return { ok: true, value };
  } catch (error) {
    try {
      await sql`rollback to work`.execute(transaction);
      await sql`release work`.execute(transaction);
    } catch (undone) {
      // The reason why it cannot be undone alone, when the store itself gave it.
      throw error instanceof StoreError ? error : undone;
    }
    return { ok: false, error };
  }
}
