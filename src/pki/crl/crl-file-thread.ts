import { Worker } from 'node:worker_threads';
import { StoreError, type ReadingThread } from '../../store/index.js';
import type { CrlFileAnswer, CrlFileRequest } from './crl-file-protocol.js';

interface Asked {
  readonly resolve: (answer: CrlFileAnswer) => void;
  readonly reject: (error: Error) => void;
}

const IDLE_MS = 10_000;

/**
 * A thread that makes the file of one list, from the rows where it can read them itself: what it has to do with others costs requests more time than all that
 * it does alone. Lists come one after the other, as shards do, and to start a thread takes the core from whoever asks something: the next list has the one that
 * is idle, for ten seconds. It keeps the process alive until it is released.
 */
export class CrlFileThread implements ReadingThread {
  static #idle: Worker | undefined;
  static #timer: NodeJS.Timeout | undefined;
  readonly #worker: Worker;
  /** Those who wait for an answer, in the order in which they asked. */
  readonly #asked: Asked[] = [];
  #hasRows = false;
  #dead: Error | undefined;
  #isReleased = false;

  /** Throws when there can be no more threads. */
  constructor() {
    this.#worker = CrlFileThread.#takeIdle() ?? CrlFileThread.#start();
    this.#worker.ref();
    this.#worker.on('message', this.#hear).on('error', this.#end).on('exit', this.#end);
  }

  /** Whether it has the rows of the store. */
  get hasRows(): boolean {
    return this.#hasRows;
  }

  async open(path: string): Promise<void> {
    await this.ask({ kind: 'open', path });
    this.#hasRows = true;
  }

  async rows(sql: string, parameters: readonly unknown[]): Promise<readonly unknown[]> {
    const { rows = [] } = await this.ask({ kind: 'rows', sql, parameters });
    return rows;
  }

  async close(): Promise<void> {
    this.#hasRows = false;
    // One that ended has closed what it had.
    if (!this.#dead) await this.ask({ kind: 'close' });
  }

  /** `moved`: what is given away. Throws what the thread ended with, what SQLite says, and StoreError `store_corrupt`. */
  async ask(request: CrlFileRequest, moved: readonly ArrayBuffer[] = []): Promise<CrlFileAnswer> {
    const answer = await this.#answerTo(request, moved);
    const { corrupt, sqlite } = answer;
    if (corrupt !== undefined) throw new StoreError('store_corrupt', corrupt);
    if (sqlite) throw Object.assign(new Error(sqlite.message), { errcode: sqlite.errcode });
    return answer;
  }

  /** It is of no use to its owner any more, and nothing of what it still does is waited for. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    // What somebody waits for may take long, and is of no use any more.
    const isFree = this.#asked.length === 0 && (await this.#isFreed());
    this.#end();
    this.#worker.off('message', this.#hear).off('error', this.#end).off('exit', this.#end);
    if (isFree && CrlFileThread.#idle === undefined) CrlFileThread.#rest(this.#worker);
    else await this.#worker.terminate();
  }

  #answerTo(request: CrlFileRequest, moved: readonly ArrayBuffer[]): Promise<CrlFileAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#dead) {
        reject(this.#dead);
        return;
      }
      this.#worker.postMessage(request, moved);
      this.#asked.push({ resolve, reject });
    });
  }

  async #isFreed(): Promise<boolean> {
    try {
      await this.close();
      await this.ask({ kind: 'end' });
      return true;
    } catch {
      return false;
    }
  }

  readonly #hear = (answer: CrlFileAnswer): void => this.#asked.shift()?.resolve(answer);

  /** `why` is an exit code when nothing went wrong before. */
  readonly #end = (why?: unknown): void => {
    this.#dead ??= why instanceof Error ? why : new Error('the thread that writes the revocation list ended');
    for (const { reject } of this.#asked.splice(0)) reject(this.#dead);
  };

  static #start(): Worker {
    // The same file beside this one, compiled or not. A test runner's loader is not its business.
    const file = new URL(import.meta.url.replace(/crl-file-thread(?=\.[jt]s$)/, 'crl-file-worker'));
    const worker = new Worker(file, { execArgv: [] });
    // Whatever ends it while it is idle, nobody has to be told.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      if (CrlFileThread.#idle === worker) CrlFileThread.#takeIdle();
    });
    return worker;
  }

  static #takeIdle(): Worker | undefined {
    const worker = CrlFileThread.#idle;
    CrlFileThread.#idle = undefined;
    clearTimeout(CrlFileThread.#timer);
    return worker;
  }

  static #rest(worker: Worker): void {
    CrlFileThread.#idle = worker;
    worker.unref();
    CrlFileThread.#timer = setTimeout(() => void CrlFileThread.#takeIdle()?.terminate(), IDLE_MS).unref();
  }
}
