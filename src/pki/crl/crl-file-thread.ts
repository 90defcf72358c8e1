import { Worker } from 'node:worker_threads';
import type { CrlFileAnswer, CrlFileData, CrlFileRequest } from './crl-file-protocol.js';

interface Asked {
  readonly resolve: (answer: CrlFileAnswer) => void;
  readonly reject: (error: Error) => void;
}

const IDLE_MS = 10_000;

/**
 * The thread of one file at a time. Lists come one after the other, as shards do, and to start a thread takes the core from whoever asks something: the next
 * file has the one that is idle, for ten seconds. Keeps the process alive while it has a file, and not otherwise.
 */
export class CrlFileThread {
  static #idle: CrlFileThread | undefined;
  readonly #worker: Worker;
  /** Those who wait for an answer, in the order in which they asked. */
  readonly #asked: Asked[] = [];
  #dead: Error | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor() {
    // The same file beside this one, compiled or not.
    this.#worker = new Worker(new URL(import.meta.url.replace(/crl-file-thread(?=\.[jt]s$)/, 'crl-file-worker')), {
      // A test runner's loader is not its business.
      execArgv: [],
    });
    this.#worker.on('message', (answer: CrlFileAnswer) => this.#asked.shift()?.resolve(answer));
    this.#worker.on('error', (error: Error) => {
      this.#end(error);
    });
    this.#worker.on('exit', () => {
      this.#end(new Error('the thread that writes the revocation list ended'));
    });
  }

  /** One that has this file. Throws when there can be no more threads. */
  static begin(data: CrlFileData): CrlFileThread {
    const thread = CrlFileThread.#idle ?? new CrlFileThread();
    CrlFileThread.#idle = undefined;
    clearTimeout(thread.#timer);
    thread.#worker.ref();
    try {
      thread.#worker.postMessage({ kind: 'begin', ...data } satisfies CrlFileRequest);
    } catch (error) {
      void thread.#worker.terminate();
      throw error;
    }
    return thread;
  }

  /** `moved`: what is given away. Throws what the thread ended with. */
  ask(request: CrlFileRequest, moved: readonly ArrayBuffer[] = []): Promise<CrlFileAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#dead) {
        reject(this.#dead);
        return;
      }
      this.#worker.postMessage(request, moved);
      this.#asked.push({ resolve, reject });
    });
  }

  /** It has no file any more, and nothing of what it still does is waited for by anybody else. */
  async release(): Promise<void> {
    // What somebody waits for may take long, and is of no use any more.
    const isFree = this.#asked.length === 0 && (await this.#isFreed());
    if (!isFree || CrlFileThread.#idle) {
      await this.#worker.terminate();
      return;
    }
    CrlFileThread.#idle = this;
    this.#worker.unref();
    this.#timer = setTimeout(() => {
      this.#end(new Error('the thread that writes revocation lists was idle'));
      void this.#worker.terminate();
    }, IDLE_MS).unref();
  }

  async #isFreed(): Promise<boolean> {
    try {
      await this.ask({ kind: 'end' });
      return true;
    } catch {
      return false;
    }
  }

  #end(why: Error): void {
    if (CrlFileThread.#idle === this) CrlFileThread.#idle = undefined;
    clearTimeout(this.#timer);
    this.#dead ??= why;
    for (const { reject } of this.#asked.splice(0)) reject(this.#dead);
  }
}
