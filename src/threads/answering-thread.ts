import { Worker, type WorkerOptions } from 'node:worker_threads';

/** The errors of whoever asks a thread; `cause` is what Node says, if anything. */
export interface ThreadErrors {
  /** The system gives no thread, for that `reason`. */
  unstarted(reason: string, cause: unknown): Error;
  /** What was asked is not answered, because the thread did `what`: `ended`, `failed (…)`, or `answered …` something else. */
  ended(what: string, cause: unknown): Error;
}

interface Asked<Response> {
  readonly resolve: (response: Response) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A thread that answers each request with a message of the same `id`. It keeps the process alive while an answer is due, and not otherwise. One that has
 * ended stays so.
 */
export class AnsweringThread<Request extends { readonly id: number }, Response extends { readonly id: number }> {
  readonly #worker: Worker;
  readonly #exit: Promise<unknown>;
  readonly #asked = new Map<number, Asked<Response>>();
  #last = 0;
  #ended: Error | undefined;

  /** `file`: what runs in the thread. Throws `errors.unstarted`. */
  constructor(file: URL, options: WorkerOptions, errors: ThreadErrors) {
    try {
      // Without the loader of a test runner.
      this.#worker = new Worker(file, { ...options, execArgv: [] });
    } catch (error) {
      throw errors.unstarted(error instanceof Error ? error.message : 'unknown reason', error);
    }
    this.#worker.unref();
    const end = (what: string, cause?: unknown) => this.end(errors.ended(what, cause));
    this.#worker.on('message', (response: Response | undefined) => {
      if (!this.#settle(response)) end('answered what it was not asked');
    });
    this.#worker.on('messageerror', (error) => end('answered what cannot be read', error));
    this.#worker.on('error', (error: Error) => end(`failed (${error.message})`, error));
    // Not by once(), which an error would reject.
    this.#exit = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.on('exit', () => end('ended'));
  }

  /** Why nothing is answered any more; undefined while it is. */
  get ended(): Error | undefined {
    return this.#ended;
  }

  /** Whether an answer is due. */
  get isBusy(): boolean {
    return this.#asked.size > 0;
  }

  /** Throws {@link ended}. */
  ask(request: Omit<Request, 'id'>): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(this.#ended);
        return;
      }
      const id = ++this.#last;
      this.#worker.postMessage({ ...request, id });
      this.#worker.ref();
      this.#asked.set(id, { resolve, reject });
    });
  }

  /** Ends the thread, unless it has ended already; what it was asked is not answered, and throws `why`. */
  end(why: Error): void {
    if (this.#ended) return;
    this.#ended = why;
    void this.#worker.terminate();
    for (const { reject } of this.#asked.values()) reject(why);
    this.#asked.clear();
  }

  /** Waits for the end of a thread that was asked to end by itself. */
  async exit(): Promise<void> {
    this.#worker.ref();
    await this.#exit;
  }

  #settle(response: Response | undefined): boolean {
    const asked = this.#asked.get(response?.id ?? 0);
    if (!response || !asked) return false;
    this.#asked.delete(response.id);
    if (!this.isBusy) this.#worker.unref();
    asked.resolve(response);
    return true;
  }
}
