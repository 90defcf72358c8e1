const PARTS = 256;
const SMALLEST = 8;

/**
 * Finds duplicates among serial numbers after all of them were added. It stores 64 bits of a keyed hash for each, which takes eight octets and no
 * lookup. The hashes are spread over 256 parts, so that growing or sorting one part takes little time.
 */
export class NumberLog {
  #high = 0;
  #low = 0;
  // Pairs of 32-bit halves.
  readonly #parts: Uint32Array[] = [];
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
    const size = Math.max(SMALLEST, 2 * Math.ceil((expected / PARTS) * 1.1));
    for (let i = 0; i < PARTS; i++) if ((this.#parts[i]?.length ?? 0) < size) this.#parts[i] = new Uint32Array(size);
    return this;
  }

  /** Adds the octets `[from, to)`. */
  add(octets: Uint8Array, from: number, to: number): void {
    let high = this.#high;
    let low = this.#low;
    let i = from;
    for (; i + 4 <= to; i += 4) {
      const word =
        (octets[i] ?? 0) | ((octets[i + 1] ?? 0) << 8) | ((octets[i + 2] ?? 0) << 16) | ((octets[i + 3] ?? 0) << 24);
      high = Math.imul(high ^ word, 0x9e3779b1) ^ (high >>> 15);
      low = Math.imul(low ^ word, 0x85ebca77) ^ (low >>> 13);
    }
    let rest = to - from;
    for (; i < to; i++) rest = (rest << 8) | (octets[i] ?? 0);
    high = Math.imul(high ^ rest, 0x9e3779b1) ^ (high >>> 15);
    low = mixed(Math.imul(low ^ rest, 0x85ebca77) ^ (low >>> 13));
    high = mixed(high ^ (low >>> 7));
    const index = high >>> 24;
    const length = this.#lengths[index] ?? 0;
    let part = this.#parts[index] ?? new Uint32Array(SMALLEST);
    if (length === part.length) this.#parts[index] = part = grown(part);
    part[length] = low;
    part[length + 1] = high;
    this.#lengths[index] = length + 2;
  }

  /** Yields for each part whether a number in it was added twice. Nothing may be added afterwards. */
  *twice(): Generator<boolean, void, undefined> {
    for (const [index, part] of this.#parts.entries()) {
      const length = this.#lengths[index] ?? 0;
      new BigUint64Array(part.buffer, 0, length / 2).sort();
      let isTwice = false;
      for (let at = 2; at < length; at += 2)
        if (part[at] === part[at - 2] && part[at + 1] === part[at - 1]) isTwice = true;
      yield isTwice;
    }
  }
}

function grown(part: Uint32Array): Uint32Array {
  // Grows by half, to an even number.
  const larger = new Uint32Array((part.length + (part.length >> 1) + 2) & ~1);
  larger.set(part);
  return larger;
}

function mixed(hash: number): number {
  let mix = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
