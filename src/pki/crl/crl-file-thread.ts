import { close } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { inTurn } from '../../threads/index.js';
import { StoreError, type ReadingThread } from '../../store/index.js';
import { PkiError } from '../pki-error.js';
import type { CrlFileAnswer, CrlFileRequest } from './crl-file-protocol.js';

interface Asked {
  readonly resolve: (answer: CrlFileAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** A worker, and the descriptors that it was given to close. */
interface Started {
  readonly worker: Worker;
  readonly files: number[];
}

const IDLE_MS = 10_000;
/** The entries are not in it. With a limit of its own it also begins smaller, by two mebibytes. */
const HEAP = { maxOldGenerationSizeMb: 192 };

/**
 * A worker thread that makes the file of one list. On SQLite it also reads the rows, because messages between threads delay requests more than the work of
 * one thread does. After {@link release} the worker stays idle for ten seconds, so that a list that follows, such as the next shard, need not start another
 * one. The thread keeps the process alive until it is released.
 */
export class CrlFileThread implements ReadingThread {
  static #idle: Worker | undefined;
  static #timer: NodeJS.Timeout | undefined;
  /** The worker that was started last, unless it has ended. */
  static #last: Started | undefined;
  readonly #worker: Worker;
  /** Requests that were sent and have no answer yet, in their order. */
  readonly #asked: Asked[] = [];
  /** The number of requests that have no answer yet, or were not sent because it is another thread's turn. */
  #waiting = 0;
  #hasRows = false;
  #dead: Error | undefined;
  #isReleased = false;

  /** Takes the idle worker, or starts one. Throws PkiError `thread_failed` when the system allows no more threads. */
  constructor() {
    this.#worker = CrlFileThread.#takeIdle() ?? CrlFileThread.#start();
    this.#worker.ref();
    this.#worker.on('message', this.#hear).on('error', this.#end).on('exit', this.#end);
  }

  /** Whether the thread has a connection to the store. */
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
    // A thread that ended has closed its connection.
    if (!this.#dead) await this.ask({ kind: 'close' });
  }

  /**
   * Sends a request and waits for its answer. `moved`: buffers that are transferred to the thread. Throws PkiError `thread_failed` when the thread ended,
   * errors of SQLite, and StoreError `store_corrupt`.
   */
  async ask(request: CrlFileRequest, moved: readonly ArrayBuffer[] = []): Promise<CrlFileAnswer> {
    this.#waiting++;
    const answer = await inTurn(() => this.#answerTo(request, moved)).finally(() => this.#waiting--);
    const { corrupt, sqlite } = answer;
    if (corrupt !== undefined) throw new StoreError('store_corrupt', corrupt);
    if (sqlite) throw Object.assign(new Error(sqlite.message), { errcode: sqlite.errcode });
    return answer;
  }

  /** Gives the thread back. A thread that is still busy is terminated, because nobody needs its result any more. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const isFree = this.#waiting === 0 && (await this.#isFreed());
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

  /** Rejects all requests. `why`: the error, or the exit code of a worker that ended without one. */
  readonly #end = (why?: unknown): void => {
    this.#dead ??= threadFailed(why instanceof Error ? `failed (${why.message})` : 'ended', why);
    for (const { reject } of this.#asked.splice(0)) reject(this.#dead);
  };

  /**
   * Closes the descriptor of a list that is no longer served, in a worker if there is one. When its file has no name any more, closing it frees the file's
   * octets. That takes milliseconds for a large one, in which a thread of libuv's pool would keep the core from requests.
   */
  static readonly closeFile = (file: number): void => {
    const last = CrlFileThread.#last;
    if (!last) {
      close(file);
      return;
    }
    last.files.push(file);
    last.worker.postMessage({ kind: 'close-file', file } satisfies CrlFileRequest);
  };

  static #start(): Worker {
    // The worker's file beside this one, compiled or not. It needs no loader of a test runner.
    const file = new URL(import.meta.url.replace(/crl-file-thread(?=\.[jt]s$)/, 'crl-file-worker'));
    const taken = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const files: number[] = [];
    const worker = begin(file, taken);
    CrlFileThread.#last = { worker, files };
    // An idle worker has no owner that could be told of its end.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      if (CrlFileThread.#idle === worker) CrlFileThread.#takeIdle();
      if (CrlFileThread.#last?.worker === worker) CrlFileThread.#last = undefined;
      // One that was terminated, or died, did not come to these.
      for (const each of files.slice(Atomics.load(taken, 0))) close(each);
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
    CrlFileThread.#timer = setTimeout(() => {
      CrlFileThread.#takeIdle();
      // It closes what it was given before.
      worker.postMessage({ kind: 'stop' } satisfies CrlFileRequest);
    }, IDLE_MS).unref();
  }
}

function begin(file: URL, taken: Int32Array): Worker {
  try {
    // It closes descriptors that were opened here.
    return new Worker(file, { execArgv: [], trackUnmanagedFds: false, resourceLimits: HEAP, workerData: taken });
  } catch (error) {
    throw threadFailed(`cannot be started (${error instanceof Error ? error.message : 'unknown reason'})`, error);
  }
}

const threadFailed = (what: string, cause: unknown): PkiError =>
  new PkiError('thread_failed', `the thread that writes the revocation list ${what}`, { cause });
