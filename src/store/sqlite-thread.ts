import { AnsweringThread } from '../threads/index.js';
import { movedError, resultCodeOf, SQLITE_BUSY, sqliteError } from './sqlite-error.js';
import type { LogState, ThreadData, ThreadFailure, ThreadRequest, ThreadResponse } from './sqlite-protocol.js';
import { StoreError, tooNewError } from './store-error.js';
import type { TogetherStatement } from './together.js';

/** Far more than it needs. It is there because a heap with a limit of its own begins smaller, by two mebibytes. */
const HEAP = { maxOldGenerationSizeMb: 1024 };

type Asking = Pick<ThreadRequest, 'kind'> & Partial<ThreadRequest>;

/**
 * A thread with its own connection to a SQLite file, to write: a flush or a stall of the disk there does not hold up the event loop here.
 * It keeps the process alive while an answer is due, and not otherwise. A thread that died stays dead, and its transaction is undone.
 */
export class SqliteThread {
  readonly #path: string;
  readonly #thread: AnsweringThread<ThreadRequest, ThreadResponse>;
  readonly #queued: string[] = [];
  readonly #committed: ((state: LogState) => void) | undefined;

  /** `committed` hears of each commit, before anything else can be asked for. Throws {@link StoreError} `store_unavailable` when the system gives no thread. */
  constructor(
    path: string,
    { committed, ...options }: Omit<ThreadData, 'path'> & { readonly committed?: (state: LogState) => void },
  ) {
    this.#path = path;
    this.#committed = committed;
    const workerData: ThreadData = { path, ...options };
    // The same file beside this one, compiled or not.
    const file = new URL(import.meta.url.replace(/sqlite-thread(?=\.[jt]s$)/, 'sqlite-worker'));
    this.#thread = new AnsweringThread(
      file,
      { workerData, resourceLimits: HEAP },
      {
        unstarted: (reason, cause) => {
          const message = `the store ${path} cannot be used: its thread cannot be started (${reason})`;
          return new StoreError('store_unavailable', message, { cause });
        },
        ended: (_, cause) => new StoreError('store_unavailable', `the thread of the store ${path} ended`, { cause }),
      },
    );
  }

  get isDead(): boolean {
    return this.#thread.ended !== undefined;
  }

  /** Begins a transaction that may write; false, at once, when another connection has one. */
  async tryBegin(): Promise<boolean> {
    const { failure } = await this.#ask({ kind: 'begin' });
    if (failure === undefined) return true;
    if (resultCodeOf(failure) === SQLITE_BUSY) return false;
    throw this.#errorOf(failure);
  }

  /** Runs a statement of the transaction. Throws what SQLite says of it, and StoreError when the file cannot be written. */
  run(sql: string, parameters: readonly unknown[]): Promise<ThreadResponse> {
    return this.#answered({ kind: 'statement', sql, parameters });
  }

  /**
   * Runs statements of the transaction in one message. False, and none of them is done, when one did not affect its expected number of rows. Throws as {@link
   * run}.
   */
  async runTogether(steps: readonly TogetherStatement[]): Promise<boolean> {
    const { changes } = await this.#answered({ kind: 'together', steps });
    return Number(changes) === steps.length;
  }

  /** As {@link runTogether}, as a transaction of their own; undefined, at once, when another connection has one. */
  async tryCommitTogether(steps: readonly TogetherStatement[]): Promise<boolean | undefined> {
    const { failure, changes } = await this.#ask({ kind: 'commit', steps });
    if (failure === undefined) return Number(changes) === steps.length;
    if (resultCodeOf(failure) === SQLITE_BUSY) return undefined;
    throw this.#errorOf(failure);
  }

  /** Brings the log into the file, as far as no reader is in the way, and returns the state of the log after that. Not within a transaction. */
  async checkpoint(): Promise<LogState> {
    const { rows } = await this.#answered({ kind: 'checkpoint' });
    return rows[0] as LogState;
  }

  /** Queues a statement without a result, to be sent with the next one, which also reports its failure. A rollback drops it. */
  queue(sql: string): void {
    if (this.#thread.ended) throw this.#thread.ended;
    this.#queued.push(sql);
  }

  /** Ends the thread after what it was asked before. */
  async close(): Promise<void> {
    if (this.isDead) return;
    const { failure } = await this.#ask({ kind: 'close' });
    await this.#thread.exit();
    if (failure) throw this.#errorOf(failure);
  }

  async #answered(request: Asking): Promise<ThreadResponse> {
    const response = await this.#ask(request);
    if (response.failure) throw this.#errorOf(response.failure);
    return response;
  }

  async #ask(request: Asking): Promise<ThreadResponse> {
    const queued = this.#queued.splice(0);
    const before = request.sql === 'rollback' ? [] : queued;
    const response = await this.#thread.ask({ sql: '', parameters: [], ...request, before });
    if (response.logState) this.#committed?.(response.logState);
    return response;
  }

  #errorOf({ message, errcode, refusal }: ThreadFailure): unknown {
    if (refusal === 'newer') return tooNewError(this.#path, message);
    if (refusal === 'moved') return movedError(this.#path);
    return sqliteError(Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode }), this.#path);
  }
}
