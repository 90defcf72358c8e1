const PARTS = 256;
const SMALLEST = 16;

/** Sets of octets, as 64 bits of a keyed hash of each: sixteen to thirty-two octets of memory a number. It grows in many small parts, each in no time. */
export class NumberSet {
  readonly #key: readonly [number, number];
  // Pairs of 32-bit halves; a pair of zeros is empty.
  readonly #parts: Uint32Array[] = Array.from({ length: PARTS }, () => new Uint32Array(SMALLEST));
  readonly #sizes = new Uint32Array(PARTS);

  constructor(key: readonly [number, number]) {
    this.#key = key;
  }

  /** Adds the octets `[from, to)`; false when they were there. */
  add(octets: Uint8Array, from: number, to: number): boolean {
    let [high, low] = this.#key;
    for (let i = from; i < to; i += 4) {
      const word =
        (octets[i] ?? 0) |
        ((i + 1 < to ? (octets[i + 1] ?? 0) : 0) << 8) |
        ((i + 2 < to ? (octets[i + 2] ?? 0) : 0) << 16) |
        ((i + 3 < to ? (octets[i + 3] ?? 0) : 0) << 24);
      high = Math.imul(high ^ word, 0x9e3779b1) ^ (high >>> 15);
      low = Math.imul(low ^ word, 0x85ebca77) ^ (low >>> 13);
    }
    high ^= to - from;
    low ^= to - from;
    high = mixed(high ^ (low >>> 7));
    // Never a pair of zeros.
    low = mixed(low) | 1;
    const index = high >>> 24;
    const size = (this.#sizes[index] ?? 0) + 1;
    let part = this.#parts[index] ?? new Uint32Array(SMALLEST);
    if (size * 4 > part.length) this.#parts[index] = part = grown(part);
    if (!insert(part, high, low)) return false;
    this.#sizes[index] = size;
    return true;
  }
}

function insert(part: Uint32Array, high: number, low: number): boolean {
  const mask = part.length - 2;
  const [one, other] = [high >>> 0, low >>> 0];
  for (let at = (low >>> 1) & mask & ~1; ; at = (at + 2) & mask) {
    if (part[at + 1] === 0) {
      part[at] = one;
      part[at + 1] = other;
      return true;
    }
    if (part[at] === one && part[at + 1] === other) return false;
  }
}

function grown(part: Uint32Array): Uint32Array {
  const larger = new Uint32Array(part.length * 2);
  for (let at = 0; at < part.length; at += 2) if (part[at + 1] !== 0) insert(larger, part[at] ?? 0, part[at + 1] ?? 0);
  return larger;
}

function mixed(hash: number): number {
  let mix = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
