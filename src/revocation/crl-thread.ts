import { isUint32Array, isUint8Array } from 'node:util/types';
import { Worker } from 'node:worker_threads';
import { CrlRefusedError, DecodeError } from '../x509/index.js';
import type { CrlFailure, CrlRequest, CrlResponse } from './crl-protocol.js';

/** The thread could not be started, did not answer, or answered something else. It may still be working on the memory that it was given. */
export class CrlThreadError extends Error {
  override readonly name = 'CrlThreadError';
}

type Answer = Extract<CrlResponse, { readonly table: unknown }>;

interface Asked {
  readonly request: CrlRequest;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

const IDLE_MS = 10_000;
/** Limits of its heap. Lists and their tables are not in it; PEM of 8 MiB takes a part of it. */
const HEAP = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16 };
// The same file beside this one, compiled or not.
const WORKER = new URL(import.meta.url.replace(/crl-thread(?=\.[jt]s$)/, 'crl-worker'));

/**
 * A thread that verifies and indexes lists, one after the other. It is started for the first list, and ends when there was none for ten seconds; when it
 * died, another one is started for the next list. It keeps the process alive while an answer is due, and not otherwise.
 */
export class CrlThread {
  readonly #file: URL;
  readonly #idleLimit: number;
  readonly #asked = new Map<number, Asked>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last = 0;

  /** `file`: what runs in the thread. `idle`: how long it stays without a list to read, in milliseconds. */
  constructor({ file = WORKER, idle = IDLE_MS }: { readonly file?: URL; readonly idle?: number } = {}) {
    this.#file = file;
    this.#idleLimit = idle;
  }

  /** Begins the thread, for a list that will be there soon. Throws {@link CrlThreadError}. */
  prepare(): void {
    this.#worker ??= this.#start();
    if (this.#asked.size === 0) this.#rest();
  }

  /** Throws DecodeError and {@link CrlRefusedError} as `indexCrl`, and {@link CrlThreadError}. */
  ask(list: Omit<CrlRequest, 'id'>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const worker = (this.#worker ??= this.#start());
      clearTimeout(this.#idle);
      const request: CrlRequest = { ...list, id: ++this.#last };
      this.#asked.set(request.id, { request, resolve, reject });
      worker.ref();
      worker.postMessage(request);
    });
  }

  /** Ends the thread; what it was asked is not answered. */
  close(): void {
    this.#drop(this.#worker, 'was ended');
  }

  #start(): Worker {
    const worker = begin(this.#file);
    worker.unref();
    worker.on('message', (response: CrlResponse | undefined) => {
      this.#settle(worker, response);
    });
    worker.on('messageerror', () => {
      this.#drop(worker, 'answered what cannot be read');
    });
    worker.on('error', (error: Error) => {
      this.#drop(worker, `failed (${error.message})`);
    });
    worker.on('exit', () => {
      this.#drop(worker, 'ended');
    });
    return worker;
  }

  #settle(worker: Worker, response: CrlResponse | undefined): void {
    const asked = this.#asked.get(response?.id ?? 0);
    const isFailure = response !== undefined && 'failure' in response;
    if (!response || !asked || !(isFailure || isAnswer(response, asked.request))) {
      this.#drop(worker, 'answered what it was not asked');
      return;
    }
    this.#asked.delete(response.id);
    if (this.#asked.size === 0) this.#rest();
    if (isFailure) asked.reject(errorFrom(response.failure));
    else asked.resolve(response);
  }

  #rest(): void {
    this.#worker?.unref();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.close();
    }, this.#idleLimit).unref();
  }

  #drop(worker: Worker | undefined, what: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    clearTimeout(this.#idle);
    void worker?.terminate();
    for (const { reject } of this.#asked.values())
      reject(new CrlThreadError(`the thread that reads revocation lists ${what}`));
    this.#asked.clear();
  }
}

function begin(file: URL): Worker {
  try {
    // Without the loader of a test runner.
    return new Worker(file, { execArgv: [], resourceLimits: HEAP });
  } catch (error) {
    throw new CrlThreadError(
      `the thread that reads revocation lists cannot be started (${error instanceof Error ? error.message : 'unknown reason'})`,
      { cause: error },
    );
  }
}

/** Whether a table can be used: in another one, a number might not be found, or the search for it might not end. */
function isAnswer({ length, issuer, table }: Partial<Answer>, { octets, issuers }: CrlRequest): boolean {
  const { seed, size, offsets, tags } = table ?? {};
  const isBelow = (number: number | undefined, limit: number): boolean =>
    Number.isInteger(number) && (number ?? -1) >= 0 && (number ?? limit) < limit;
  return (
    isBelow(length, octets.length + 1) &&
    isBelow(issuer, issuers.length) &&
    isBelow(seed, 0x1_0000_0000) &&
    isUint32Array(offsets) &&
    isUint8Array(tags) &&
    tags.length === offsets.length &&
    isBelow(size, tags.length)
  );
}

function errorFrom({ name, message, offset }: CrlFailure): Error {
  if (name === 'DecodeError') return new DecodeError(message, offset ?? 0);
  return name === 'CrlRefusedError' ? new CrlRefusedError(message) : new Error(message);
}
