const PARTS = 1024;
const SMALLEST = 8;

/**
 * Finds out which serial numbers of a list may be in it more than once. It stores 32 bits of a keyed hash for each, which takes four octets and no lookup. The
 * hashes are spread over 1024 parts by ten more bits, so that growing or sorting one part takes little time.
 */
export class NumberLog {
  #high = 0;
  #low = 0;
  #index = 0;
  #word = 0;
  readonly #parts: (Uint32Array | undefined)[] = [];
  readonly #lengths = new Uint32Array(PARTS);

  /** As {@link restart}. */
  constructor(key: readonly [number, number], expected = 0) {
    this.restart(key, expected);
  }

  /**
   * Forgets all serial numbers but keeps the memory for the next list. `key`: two random 32-bit numbers. `expected`: the approximate number of serial
   * numbers; an exact guess avoids growing, which copies a part.
   */
  restart([high, low]: readonly [number, number], expected = 0): this {
    this.#high = high;
    this.#low = low;
    this.#lengths.fill(0);
    // Parts differ in size by chance, so each gets a tenth more.
    const size = Math.ceil((expected / PARTS) * 1.1);
    if (size > SMALLEST)
      for (let i = 0; i < PARTS; i++) if ((this.#parts[i]?.length ?? 0) < size) this.#parts[i] = new Uint32Array(size);
    return this;
  }

  /** Adds the octets `[from, to)`. */
  add(octets: DataView, from: number, to: number): void {
    this.#hash(octets, from, to);
    const index = this.#index;
    const length = this.#lengths[index] ?? 0;
    let part = this.#parts[index];
    if (part === undefined || length === part.length) this.#parts[index] = part = grown(part);
    part[length] = this.#word;
    this.#lengths[index] = length + 1;
  }

  /** The hash of the octets `[from, to)`: 42 bits. */
  hashOf(octets: DataView, from: number, to: number): number {
    this.#hash(octets, from, to);
    return hashOf(this.#index, this.#word);
  }

  /** Leaves the part in `#index` and the rest in `#word`: a number of 42 bits would be an object each time. */
  #hash(octets: DataView, from: number, to: number): void {
    let high = this.#high;
    let low = this.#low;
    let i = from;
    for (; i + 4 <= to; i += 4) {
      const word = octets.getInt32(i, true);
      high = Math.imul(high ^ word, 0x9e3779b1) ^ (high >>> 15);
      low = Math.imul(low ^ word, 0x85ebca77) ^ (low >>> 13);
    }
    let rest = to - from;
    for (; i < to; i++) rest = (rest << 8) | octets.getUint8(i);
    high = Math.imul(high ^ rest, 0x9e3779b1) ^ (high >>> 15);
    low = mixed(Math.imul(low ^ rest, 0x85ebca77) ^ (low >>> 13));
    this.#index = mixed(high ^ (low >>> 7)) >>> 22;
    this.#word = low;
  }

  /** Yields for each part the hashes in it that were added before. */
  *repeated(): Generator<readonly number[], void, undefined> {
    // For each place 1 + the index of a hash of the part, or 0: half of the places and more are free.
    let places = new Uint32Array(0);
    for (const [index, part] of this.#parts.entries()) {
      const hashes = part?.subarray(0, this.#lengths[index]) ?? [];
      if (places.length < hashes.length * 2) places = new Uint32Array(2 ** Math.ceil(Math.log2(hashes.length * 2)));
      else places.fill(0);
      yield repeatedIn(hashes, places).map((word) => hashOf(index, word));
    }
  }
}

function repeatedIn(hashes: ArrayLike<number>, places: Uint32Array): number[] {
  const repeated: number[] = [];
  for (let i = 0; i < hashes.length; i++) {
    const hash = hashes[i] ?? 0;
    let place = hash & (places.length - 1);
    for (let held = places[place] ?? 0; held !== 0; held = places[place] ?? 0) {
      if (hashes[held - 1] === hash) {
        repeated.push(hash);
        break;
      }
      place = (place + 1) & (places.length - 1);
    }
    places[place] = i + 1;
  }
  return repeated;
}

const hashOf = (index: number, word: number): number => index * 0x1_0000_0000 + (word >>> 0);

function grown(part: Uint32Array | undefined): Uint32Array {
  if (part === undefined) return new Uint32Array(SMALLEST);
  const larger = new Uint32Array(part.length + (part.length >> 1));
  larger.set(part);
  return larger;
}

function mixed(hash: number): number {
  let mix = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
