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
/** What is read or copied in one go: less takes longer in all, more holds a thread up. */
const PIECE = 1024 * 1024;

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
  /** Room for so many octets, asked for when they are there. */
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
  const collected = new Collected(limits.octets);
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
    if (Number(headers.get('content-length')) > limits.octets) {
      await response.body.cancel();
      throw tooLong();
    }
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      silence.refresh();
      collected.add(chunk);
    }
    const room = limits.room(collected.length);
    await collected.empty(room);
    return {
      octets: room,
      mark: `${headers.get('etag') ?? ''}\n${headers.get('last-modified') ?? ''}`,
    };
  } catch (error) {
    const { cause } = error as { readonly cause?: NodeJS.ErrnoException };
    // The error of fetch says only that it failed; its cause says why. A failure at several addresses has a code and no message.
    throw cause ? new Error(cause.message || cause.code, { cause: error }) : error;
  } finally {
    clearTimeout(silence);
    clearTimeout(whole);
    await collected.empty();
  }
}

/**
 * Pieces put together, however many there will be, in memory that grows without being copied and goes back to the system at once. Of what threads share
 * neither is true.
 */
class Collected {
  readonly #octets: ArrayBuffer;
  #length = 0;

  constructor(maxByteLength: number) {
    this.#octets = new ArrayBuffer(0, { maxByteLength });
  }

  get length(): number {
    return this.#length;
  }

  /** Throws RangeError for more than there may be. */
  add(chunk: Uint8Array): void {
    const { byteLength, maxByteLength } = this.#octets;
    const length = this.#length + chunk.length;
    if (length > maxByteLength) throw tooLong();
    if (length > byteLength) this.#octets.resize(Math.min(Math.max(length, byteLength + PIECE), maxByteLength));
    new Uint8Array(this.#octets, this.#length).set(chunk);
    this.#length = length;
  }

  /**
   * Gives all of it to `room`, or up, piece by piece from the end: both together take no more than one, and nothing waits for the system to take back so much
   * at once.
   */
  async empty(room?: Uint8Array): Promise<void> {
    const slices = new Slices();
    this.#octets.resize(this.#length);
    while (this.#octets.byteLength > 0) {
      const at = Math.max(this.#octets.byteLength - PIECE, 0);
      room?.set(new Uint8Array(this.#octets, at), at);
      this.#octets.resize(at);
      await slices.pause();
    }
    this.#length = 0;
  }
}

const tooLong = (): RangeError => new RangeError('more octets than a CRL may have');
