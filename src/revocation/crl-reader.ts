import { randomInt } from 'node:crypto';
import { isSharedArrayBuffer } from 'node:util/types';
import { indexCrl, restoreCrlIndex, type Certificate, type CrlIndex } from '../x509/index.js';
import { inTurn } from '../threads/index.js';
import { fetchCrl, type Fetched } from './crl-source.js';
import { CrlThread, CrlThreadError } from './crl-thread.js';
import { Slices } from './slices.js';

/** From this length on, some twenty thousand entries, a list is read by the thread. */
const LARGE_OCTETS = 1024 * 1024;
/** How much more room is made than a list needs, because lists grow. */
const SPARE_ROOM = 1.125;

/** Memory that was left by lists of one size; sizes are powers of two. */
interface Spare {
  readonly octets: SharedArrayBuffer | undefined;
  readonly table: SharedArrayBuffer | undefined;
}

/**
 * Fetches, verifies and indexes lists: small ones in place, in slices of a fraction of a millisecond, large ones in a thread of their own. Their octets and
 * their tables are in memory that threads share. V8 does not count it, so that it collects no garbage for its sake; so it is not left to V8 either, but used
 * again: a list that is replaced gives its memory back by {@link release}, one that is refused at once, and of each size one piece at most is kept: a small
 * list does not sit in the memory of a large one.
 */
export class CrlReader {
  readonly #thread: CrlThread;
  readonly #closing = new AbortController();
  readonly #spares = new Map<number, Spare>();

  constructor(thread = new CrlThread()) {
    this.#thread = thread;
  }

  /** As {@link fetchCrl}. */
  async fetch(source: string, mark: string | undefined): Promise<Fetched | undefined> {
    const { signal } = this.#closing;
    signal.throwIfAborted();
    let made: Uint8Array | undefined;
    const room = (length: number): Uint8Array => (made = this.#room(length));
    try {
      return await fetchCrl(source, mark, { room, signal });
    } catch (error) {
      if (made) this.#keep(made.buffer, undefined);
      throw error;
    }
  }

  #room(length: number): Uint8Array {
    if (length < LARGE_OCTETS) return Buffer.allocUnsafeSlow(length);
    this.#thread.prepare();
    const wanted = Math.ceil(length * SPARE_ROOM);
    const { octets, table } = this.#spares.get(sizeOf(wanted)) ?? {};
    if (!octets || octets.byteLength < length) return new Uint8Array(new SharedArrayBuffer(wanted), 0, length);
    this.#spares.set(sizeOf(wanted), { octets: undefined, table });
    return new Uint8Array(octets, 0, length);
  }

  /** Reads what {@link fetch} returned, as {@link indexCrl}, which is called here or in the thread. Throws {@link CrlThreadError} as well. */
  async read(octets: Uint8Array, issuers: readonly Certificate[], now: Date): Promise<CrlIndex> {
    this.#closing.signal.throwIfAborted();
    if (!isSharedArrayBuffer(octets.buffer)) {
      const slices = new Slices();
      return indexCrl(octets, { issuers, now, seed: randomInt(0x1_0000_0000), pause: () => slices.pause() });
    }
    const size = sizeOf(octets.buffer.byteLength);
    const { table, ...spare } = this.#spares.get(size) ?? { octets: undefined, table: undefined };
    this.#spares.set(size, { ...spare, table: undefined });
    try {
      const asked = { octets, table, issuers: issuers.map(({ der }) => der), now: now.getTime() };
      const answer = await inTurn(() => {
        // It may have been closed while this list waited for its turn.
        this.#closing.signal.throwIfAborted();
        return this.#thread.ask(asked);
      });
      const [issuer] = issuers.slice(answer.issuer);
      if (!issuer) throw new RangeError('the list has no issuer');
      return restoreCrlIndex(octets.subarray(0, answer.length), issuer, answer.table);
    } catch (error) {
      // After a CrlThreadError the thread may still write to the memory.
      if (!(error instanceof CrlThreadError)) this.#keep(octets.buffer, table);
      throw error;
    }
  }

  /** Takes back the memory of a list that is no longer used. */
  release({ list, revoked }: CrlIndex): void {
    this.#keep(list.der.buffer, revoked.table.tags.buffer);
  }

  /** Gives up what is being read. Nothing may be read afterwards. */
  close(): void {
    this.#closing.abort(new Error('the reader of revocation lists is closed'));
    this.#thread.close();
  }

  #keep(octets: ArrayBufferLike, table: ArrayBufferLike | undefined): void {
    if (!isSharedArrayBuffer(octets)) return;
    const size = sizeOf(octets.byteLength);
    const spare = this.#spares.get(size);
    this.#spares.set(size, { octets: larger(spare?.octets, octets), table: larger(spare?.table, table) });
  }
}

const sizeOf = (octets: number): number => Math.floor(Math.log2(octets));

function larger(one: SharedArrayBuffer | undefined, other: ArrayBufferLike | undefined): SharedArrayBuffer | undefined {
  if (!isSharedArrayBuffer(other)) return one;
  return one && one.byteLength >= other.byteLength ? one : other;
}
