import { isUint32Array, isUint8Array } from 'node:util/types';
import { AnsweringThread } from '../threads/index.js';
import { CrlRefusedError, DecodeError } from '../x509/index.js';
import type { CrlFailure, CrlRequest, CrlResponse } from './crl-protocol.js';

/** The thread could not be started, did not answer, or answered something else. It may still be working on the memory that it was given. */
export class CrlThreadError extends Error {
  override readonly name = 'CrlThreadError';
}

type List = Omit<CrlRequest, 'id'>;
type Answer = Extract<CrlResponse, { readonly table: unknown }>;

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
  #thread: AnsweringThread<CrlRequest, CrlResponse> | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** `file`: what runs in the thread. `idle`: how long it stays without a list to read, in milliseconds. */
  constructor({ file = WORKER, idle = IDLE_MS }: { readonly file?: URL; readonly idle?: number } = {}) {
    this.#file = file;
    this.#idleLimit = idle;
  }

  /** Begins the thread, for a list that will be there soon. Throws {@link CrlThreadError}. */
  prepare(): void {
    this.#started();
    this.#rest();
  }

  /** Throws DecodeError and {@link CrlRefusedError} as `indexCrl`, and {@link CrlThreadError}. */
  async ask(list: List): Promise<Answer> {
    const thread = this.#started();
    clearTimeout(this.#idle);
    try {
      const response = await thread.ask(list);
      if ('failure' in response) throw errorFrom(response.failure);
      if (isAnswer(response, list)) return response;
      const error = threadError('answered what it was not asked');
      thread.end(error);
      throw error;
    } finally {
      this.#rest();
    }
  }

  /** Ends the thread; what it was asked is not answered. */
  close(): void {
    clearTimeout(this.#idle);
    this.#thread?.end(threadError('was ended'));
  }

  #started(): AnsweringThread<CrlRequest, CrlResponse> {
    if (this.#thread === undefined || this.#thread.ended)
      this.#thread = new AnsweringThread(
        this.#file,
        { resourceLimits: HEAP },
        { unstarted: (reason, cause) => threadError(`cannot be started (${reason})`, cause), ended: threadError },
      );
    return this.#thread;
  }

  #rest(): void {
    if (this.#thread === undefined || this.#thread.ended || this.#thread.isBusy) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.close();
    }, this.#idleLimit).unref();
  }
}

const threadError = (what: string, cause?: unknown): CrlThreadError =>
  new CrlThreadError(`the thread that reads revocation lists ${what}`, { cause });

/** Whether a table can be used: in another one, a number might not be found, or the search for it might not end. */
function isAnswer({ length, issuer, table }: Partial<Answer>, { octets, issuers }: List): boolean {
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
