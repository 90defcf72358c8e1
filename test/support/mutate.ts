/** A mutated input, and what was done to it. */
export interface Mutation {
  readonly operation: string;
  readonly octets: Uint8Array;
}

/** Numbers in [0, 1) that a seed determines (mulberry32): the same seed gives the same run on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

type Operation = (sample: Buffer, other: Buffer, below: (limit: number) => number) => Buffer;

const HUGE_LENGTHS = ['80', '81ff', '82ffff', '83ffffff', '84ffffffff', '847fffffff', '850100000000', 'fe', 'ff'];
const NEST_OCTETS = 100_000;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'flip bits': (sample, _, below) => {
    const octets = Buffer.from(sample);
    for (let left = 1 + below(4); left > 0; left--) {
      const at = below(octets.length);
      octets[at] = (octets[at] ?? 0) ^ (1 << below(8));
    }
    return octets;
  },
  'change octets': (sample, _, below) => {
    const octets = Buffer.from(sample);
    for (let left = 1 + below(4); left > 0; left--) octets[below(octets.length)] = below(256);
    return octets;
  },
  truncate: (sample, _, below) => sample.subarray(0, below(sample.length)),
  append: (sample, other, below) => Buffer.concat([sample, other.subarray(0, 1 + below(64))]),
  'duplicate a part': (sample, _, below) => {
    const from = below(sample.length);
    const to = from + below(sample.length - from) + 1;
    return Buffer.concat([sample.subarray(0, to), sample.subarray(from)]);
  },
  'remove a part': (sample, _, below) => {
    const from = below(sample.length);
    return Buffer.concat([sample.subarray(0, from), sample.subarray(from + 1 + below(16))]);
  },
  splice: (sample, other, below) =>
    Buffer.concat([sample.subarray(0, below(sample.length)), other.subarray(below(other.length))]),
  'corrupt a length': (sample, _, below) => {
    const octets = Buffer.from(sample);
    const all = headers(sample);
    const header = all[below(all.length)];
    if (header) octets[header.at + 1] = below(256);
    return octets;
  },
  'huge length': (sample, _, below) => {
    const all = headers(sample);
    const header = all[below(all.length)] ?? { at: 0, from: 2 };
    const length = Buffer.from(HUGE_LENGTHS[below(HUGE_LENGTHS.length)] ?? '80', 'hex');
    return Buffer.concat([sample.subarray(0, header.at + 1), length, sample.subarray(header.from)]);
  },
  'nest without an end': (sample, _, below) => {
    const at = below(sample.length);
    const nest = Buffer.alloc(below(10) === 0 ? NEST_OCTETS : below(2000), below(2) === 0 ? '3080' : 'a080', 'hex');
    return Buffer.concat([sample.subarray(0, at), nest, sample.subarray(at)]);
  },
  'nest deep': (sample, _, below) =>
    rebuild(sample, below, () =>
      nested(below(20) === 0 ? NEST_OCTETS : below(2000), [0x30, 0x31, 0xa0][below(3)] ?? 0),
    ),
  'drop an element': (sample, _, below) => rebuild(sample, below, () => Buffer.alloc(0)),
  'repeat an element': (sample, _, below) =>
    rebuild(sample, below, (element) =>
      Buffer.concat(Array<Buffer>(2 + (below(10) === 0 ? below(3000) : 0)).fill(element)),
    ),
  'change a tag': (sample, _, below) =>
    rebuild(sample, below, (element) => Buffer.concat([Buffer.of(below(256)), element.subarray(1)])),
  'empty an element': (sample, _, below) => rebuild(sample, below, (element) => Buffer.of(element[0] ?? 0, 0)),
  'replace contents': (sample, _, below) =>
    rebuild(sample, below, (element) => {
      const contents = Buffer.alloc(below(10) === 0 ? below(60_000) : below(64));
      for (let i = 0; i < contents.length; i++) contents[i] = below(256);
      return encode(element[0] ?? 0, contents);
    }),
  'graft an element': (sample, other, below) => {
    const all = headers(other);
    const chosen = all[below(all.length)];
    return rebuild(sample, below, () => (chosen ? other.subarray(chosen.at, chosen.to) : other));
  },
};

/** Names of all operations. */
export const operations: readonly string[] = Object.keys(OPERATIONS);

/**
 * One mutation of `sample`, chosen by `random`: from flipped bits to elements that are dropped, repeated, nested or grafted from `other` with
 * every length around them set right, so that what is inside gets read.
 */
export function mutate(sample: Uint8Array, other: Uint8Array, random: () => number): Mutation {
  const below = (limit: number): number => Math.floor(random() * limit);
  const operation = operations[below(operations.length)] ?? '';
  const apply = OPERATIONS[operation];
  return { operation, octets: apply?.(Buffer.from(sample), Buffer.from(other), below) ?? sample };
}

/** `octets` with the first element that reads `element` replaced, every length around it corrected. Throws when there is none. */
export function replaceElement(octets: Uint8Array, element: Uint8Array, replacement: Uint8Array): Buffer {
  const whole = Buffer.from(octets);
  const found = headers(whole).find(({ at, to }) => whole.subarray(at, to).equals(element));
  if (!found) throw new Error('no such element');
  return replaceAt(whole, found, () => Buffer.from(replacement));
}

interface Header {
  readonly at: number;
  readonly from: number;
  readonly to: number;
  /** Headers of the elements around this one, outermost first. */
  readonly around: readonly Header[];
}

/** Every element of what looks like DER, the contents of OCTET STRINGs and BIT STRINGs that look like it included. */
function headers(octets: Buffer, start = 0, end = octets.length, around: readonly Header[] = []): Header[] {
  const found: Header[] = [];
  for (let at = start; at < end;) {
    const first = octets[at + 1] ?? 0;
    const count = first < 0x80 ? 0 : first & 0x7f;
    if (at + 2 + count > end || count > 3) return around.length === 0 ? found : [];
    const from = at + 2 + count;
    const to = from + (count === 0 ? first : octets.readUIntBE(at + 2, count));
    if (to > end) return around.length === 0 ? found : [];
    const header = { at, from, to, around };
    found.push(header);
    const tag = octets[at] ?? 0;
    const inside = tag === 0x03 ? from + 1 : from;
    if ((tag & 0x20) !== 0 || tag === 0x04 || tag === 0x03)
      found.push(...headers(octets, inside, to, [...around, header]));
    at = to;
  }
  return found;
}

/** `octets` with one element replaced, and the lengths of all that are around it corrected. */
function rebuild(octets: Buffer, below: (limit: number) => number, change: (element: Buffer) => Buffer): Buffer {
  const all = headers(octets);
  const chosen = all[below(all.length)];
  return chosen ? replaceAt(octets, chosen, change) : octets.subarray(1);
}

function replaceAt(octets: Buffer, chosen: Header, change: (element: Buffer) => Buffer): Buffer {
  let { at, to } = chosen;
  let inside = change(octets.subarray(at, to));
  for (const outer of chosen.around.toReversed()) {
    const contents = Buffer.concat([octets.subarray(outer.from, at), inside, octets.subarray(to, outer.to)]);
    inside = encode(octets[outer.at] ?? 0, contents);
    ({ at, to } = outer);
  }
  return Buffer.concat([octets.subarray(0, at), inside, octets.subarray(to)]);
}

function encode(tag: number, contents: Buffer): Buffer {
  return Buffer.concat([lengthHeader(tag, contents.length), contents]);
}

function lengthHeader(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.of(tag, length);
  const count = length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
  const header = Buffer.of(tag, 0x80 | count, 0, 0, 0).subarray(0, 2 + count);
  header.writeUIntBE(length, 2, count);
  return header;
}

/** Elements of one tag, each the only contents of the one around it, with right lengths, about `size` octets long. */
function nested(size: number, tag: number): Buffer {
  const parts: Buffer[] = [];
  for (let length = 0; length < size;) {
    const header = lengthHeader(tag, length);
    parts.push(header);
    length += header.length;
  }
  return Buffer.concat(parts.reverse());
}
