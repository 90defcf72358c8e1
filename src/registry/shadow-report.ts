import type { EventBus } from '../events/index.js';
import { addShadowCounts, listShadowCounts, type ShadowCountRow, type Store } from '../store/index.js';

/** A call that was let pass, and would have been refused. */
export interface ShadowedCall {
  readonly service: string;
  readonly method: string;
  /** The route's path as it was written, with its parameters' names. */
  readonly route: string;
  /** The code that it would have been refused with. */
  readonly code: string;
  readonly reason: string;
}

/** Calls of one service on one route that would have been refused by one code. */
export interface ShadowedCalls extends ShadowedCall {
  readonly calls: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** How long calls are gathered, in milliseconds. */
const GATHER = 1_000;
/** More different ones in that time are counted the next time. */
const MOST = 1_000;
const KEPT_MS = 90 * 24 * 3_600_000;

/** Counts what shadows let pass, for all nodes together: in memory, and a second later in the store. What was not seen for 90 days is forgotten. */
export class ShadowReport {
  readonly #store: Store;
  readonly #events: EventBus;
  #counts = new Map<string, ShadowCountRow>();
  #timer: NodeJS.Timeout | undefined;
  /** Until the last write is over. It never fails: who asked for the write is told. */
  #writing: Promise<void> = Promise.resolve();

  constructor({ store, events }: { readonly store: Store; readonly events: EventBus }) {
    this.#store = store;
    this.#events = events;
  }

  /** Counts a call; `time` in milliseconds. */
  note({ service, method, route, code, reason }: ShadowedCall, time: number): void {
    const key = JSON.stringify([service, method, route, code]);
    const before = this.#counts.get(key);
    if (!before && this.#counts.size >= MOST) return;
    const calls = (before?.calls ?? 0) + 1;
    const first_at = before?.first_at ?? time;
    this.#counts.set(key, { service, method, route, code, reason, calls, first_at, last_at: time });
    this.#timer ??= setTimeout(() => {
      this.flush().catch((error: unknown) => {
        this.#events.emit('background.failed', { task: 'shadows.count', error });
      });
    }, GATHER).unref();
  }

  /** Writes what was counted since the last time. Throws what the store throws; then that is lost. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = [...this.#counts.values()];
    this.#counts = new Map();
    const latest = rows.reduce((last, { last_at: at }) => Math.max(last, at), 0);
    if (rows.length === 0) return this.#writing;
    const writing = this.#writing.then(() =>
      this.#store.transaction((transaction) => addShadowCounts(transaction, rows, new Date(latest - KEPT_MS))),
    );
    this.#writing = writing.catch(() => undefined);
    return writing;
  }

  /** What would have been refused, the latest first, at most `limit`. */
  async list(limit: number): Promise<ShadowedCalls[]> {
    const rows = await listShadowCounts(this.#store.database, limit);
    return rows.map(({ first_at: firstAt, last_at: lastAt, ...row }) => ({
      ...row,
      firstAt: new Date(firstAt),
      lastAt: new Date(lastAt),
    }));
  }
}
