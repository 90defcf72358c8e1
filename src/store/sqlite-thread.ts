import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { SQLITE_BUSY, resultCodeOf, sqliteError } from './sqlite-error.js';
import type { ThreadData, ThreadFailure, ThreadRequest, ThreadResponse } from './sqlite-protocol.js';
import { StoreError } from './store-error.js';

interface Asked {
  readonly resolve: (response: ThreadResponse) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A thread with a connection of its own to a SQLite file, which writes, or reads what is long: what the disk does there, a flush or a stall, this thread's
 * event loop does not feel. Keeps the process alive while an answer is owed, and not otherwise. A thread that died stays dead: its transaction is undone.
 */
export class SqliteThread {
  readonly #path: string;
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  #last = 0;
  #dead: StoreError | undefined;

  constructor(path: string, options: Pick<ThreadData, 'statementTimeout' | 'readOnly'>) {
    this.#path = path;
    const workerData: ThreadData = { path, ...options };
    // The same file beside this one, compiled or not.
    this.#worker = new Worker(new URL(import.meta.url.replace(/sqlite-thread(?=\.[jt]s$)/, 'sqlite-worker')), {
      workerData,
      // A test runner's loader is not its business.
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on('message', (response: ThreadResponse) => {
      this.#settle(response);
    });
    this.#worker.on('error', (error) => {
      this.#die(error);
    });
    this.#worker.on('exit', () => {
      this.#die(undefined);
    });
  }

  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  /** Begins a transaction that may write; false, at once, when another connection has one. */
  async tryBegin(): Promise<boolean> {
    const { failure } = await this.#ask('begin', '', []);
    if (failure === undefined) return true;
    if (resultCodeOf(failure) === SQLITE_BUSY) return false;
    throw this.#errorOf(failure);
  }

  /** Runs a statement of the transaction. Throws what SQLite says of it, and StoreError when the file cannot be written. */
  async run(sql: string, parameters: readonly unknown[]): Promise<ThreadResponse> {
    const response = await this.#ask('statement', sql, parameters);
    if (response.failure) throw this.#errorOf(response.failure);
    return response;
  }

  /** Sends a statement without parameters that gives nothing back, and does not wait: the next answer tells when it failed. */
  send(sql: string): void {
    if (this.#dead) throw this.#dead;
    this.#post({ id: 0, kind: 'statement', sql, parameters: [] });
  }

  /** Ends the thread after what it was asked before. */
  async close(): Promise<void> {
    if (this.#dead) return;
    const exit = once(this.#worker, 'exit');
    const { failure } = await this.#ask('close', '', []);
    // Its last answer let it go; its end is still waited for.
    this.#worker.ref();
    await exit;
    if (failure) throw this.#errorOf(failure);
  }

  #ask(kind: ThreadRequest['kind'], sql: string, parameters: readonly unknown[]): Promise<ThreadResponse> {
    return new Promise((resolve, reject) => {
      if (this.#dead) {
        reject(this.#dead);
        return;
      }
      const id = ++this.#last;
      this.#post({ id, kind, sql, parameters });
      if (this.#asked.size === 0) this.#worker.ref();
      this.#asked.set(id, { resolve, reject });
    });
  }

  #post(request: ThreadRequest): void {
    this.#worker.postMessage(request);
  }

  #settle(response: ThreadResponse): void {
    this.#asked.get(response.id)?.resolve(response);
    this.#asked.delete(response.id);
    if (this.#asked.size === 0) this.#worker.unref();
  }

  #die(cause: unknown): void {
    this.#dead ??= new StoreError('store_unavailable', `the thread of the store ${this.#path} ended`, {
      cause,
    });
    for (const { reject } of this.#asked.values()) reject(this.#dead);
    this.#asked.clear();
  }

  #errorOf({ message, errcode }: ThreadFailure): unknown {
    return sqliteError(Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode }), this.#path);
  }
}
