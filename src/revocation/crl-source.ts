import { open, stat } from 'node:fs/promises';
import { MAX_CRL_OCTETS } from '../x509/index.js';
import { Slices } from './slices.js';

/** Where a CRL comes from: a file's path or an http(s) URL. */
export interface CrlSource {
  readonly source: string;
  /** The certificate of the CRL's issuer (PEM or DER), when it is not among the trust anchors. */
  readonly issuer?: string | Uint8Array;
}

/** How long a server may send nothing, and how long a whole list may take. */
const SILENCE_MS = 10_000;
const TIMEOUT_MS = 120_000;
const PIECE = 256 * 1024;
/** When the length of a list is not known: the room that it has at first, and the factor by which that grows. */
const LEAST_ROOM = 16 * 1024;
const GROWTH = 4;

/** Octets that were fetched, and a mark that tells whether the source has changed since. */
export interface Fetched {
  readonly octets: Uint8Array;
  readonly mark: string;
}

/** The limits of a fetch in milliseconds and octets, and where the octets are put. */
export interface FetchLimits {
  readonly silence: number;
  readonly timeout: number;
  readonly octets: number;
  /** Ends the fetch early. */
  readonly signal?: AbortSignal;
  /** Returns room for that many octets. */
  readonly room: (length: number) => Uint8Array;
}

/** Whether a source is fetched, and not a file. */
export const isUrl = (source: string): boolean => /^https?:\/\//i.test(source);

/**
 * Reads a source unless it is as `mark` says: then undefined. A file's mark is its size, time and inode; a URL's are its ETag and
 * Last-Modified (RFC 9110 §13.1). Throws on anything else, redirects among it, on more than 256 MiB, after 10 s of silence and after two minutes.
 */
export async function fetchCrl(
  source: string,
  mark: string | undefined,
  more: Partial<FetchLimits> = {},
): Promise<Fetched | undefined> {
  const limits = {
    silence: SILENCE_MS,
    timeout: TIMEOUT_MS,
    octets: MAX_CRL_OCTETS,
    room: (length: number) => Buffer.allocUnsafeSlow(length),
    ...more,
  };
  return isUrl(source) ? fetchUrl(source, mark, limits) : readChanged(source, mark, limits);
}

async function readChanged(
  path: string,
  mark: string | undefined,
  { octets: most, room }: FetchLimits,
): Promise<Fetched | undefined> {
  const { size, mtimeMs, ino } = await stat(path);
  const now = `${size} ${mtimeMs} ${ino}`;
  if (now === mark) return undefined;
  if (size > most) throw new RangeError(`${size} octets are more than a CRL may have`);
  const file = await open(path, 'r');
  try {
    const octets = room(size);
    let end = 0;
    for (let bytesRead = -1; bytesRead !== 0 && end < size; end += bytesRead)
      ({ bytesRead } = await file.read(octets, end, Math.min(PIECE, size - end)));
    return { octets: octets.subarray(0, end), mark: now };
  } finally {
    await file.close();
  }
}

async function fetchUrl(url: string, mark: string | undefined, limits: FetchLimits): Promise<Fetched | undefined> {
  const [etag = '', modified = ''] = mark?.split('\n') ?? [];
  const tooSlow = new AbortController();
  const endAfter = (time: number, why: string): NodeJS.Timeout =>
    setTimeout(() => {
      tooSlow.abort(new Error(`${why} ${time} ms`));
    }, time);
  const silence = endAfter(limits.silence, 'the server sent nothing for');
  const whole = endAfter(limits.timeout, 'the list was not whole after');
  try {
    const response = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.any([tooSlow.signal, ...(limits.signal ? [limits.signal] : [])]),
      headers: { ...(etag ? { 'if-none-match': etag } : {}), ...(modified ? { 'if-modified-since': modified } : {}) },
    });
    if (response.status === 304 && (etag || modified)) return undefined;
    if (response.status !== 200 || !response.body) {
      await response.body?.cancel();
      throw new Error(`the server answered ${response.status}`);
    }
    const { headers } = response;
    const expected = headers.has('content-encoding') ? 0 : Number(headers.get('content-length') ?? 0);
    const octets = new Collected(expected, limits);
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      silence.refresh();
      await octets.add(chunk);
    }
    return {
      octets: octets.whole,
      mark: `${headers.get('etag') ?? ''}\n${headers.get('last-modified') ?? ''}`,
    };
  } catch (error) {
    const { cause } = error as { readonly cause?: NodeJS.ErrnoException };
    // The error of fetch says only that it failed; its cause says why. A failure at several addresses has a code and no message.
    throw cause ? new Error(cause.message || cause.code, { cause: error }) : error;
  } finally {
    clearTimeout(silence);
    clearTimeout(whole);
  }
}

/** Puts the pieces of a list together, in room of the length that the server announced, or else in room that grows. */
class Collected {
  readonly #limits: FetchLimits;
  #room: Uint8Array;
  #length = 0;

  constructor(expected: number, limits: FetchLimits) {
    this.#limits = limits;
    if (expected > limits.octets) this.#refuse();
    this.#room = limits.room(Number.isSafeInteger(expected) && expected > 0 ? expected : LEAST_ROOM);
  }

  /** What was collected. */
  get whole(): Uint8Array {
    return this.#room.subarray(0, this.#length);
  }

  async add(chunk: Uint8Array): Promise<void> {
    const length = this.#length + chunk.length;
    if (length > this.#limits.octets) this.#refuse();
    if (length > this.#room.length) await this.#grow(length);
    this.#room.set(chunk, this.#length);
    this.#length = length;
  }

  async #grow(least: number): Promise<void> {
    const { whole } = this;
    const room = this.#limits.room(Math.min(Math.max(least, this.#room.length * GROWTH), this.#limits.octets));
    const slices = new Slices();
    for (let at = 0; at < whole.length; at += PIECE) {
      room.set(whole.subarray(at, at + PIECE), at);
      await slices.pause();
    }
    this.#room = room;
  }

  #refuse(): never {
    throw new RangeError('more octets than a CRL may have');
  }
}
