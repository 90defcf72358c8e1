import { DecodeError } from './decode-error.js';

// The longest seen in practice has about 20 octets. RFC 5280 sets no bound; this one is ours.
const MAX_OCTETS = 64;
const MAX_KNOWN = 256;
const known = new Map<string, Uint8Array>();

// A certificate has a dozen identifiers, nearly always the same ones. There is one slot for each hash: input from outside can displace an entry, but never
// make the cache grow.
const SLOTS = 256;
const recent: ({ readonly octets: Uint8Array; readonly dotted: string } | undefined)[] = Array.from({ length: SLOTS });

/**
 * Converts the octets `[from, to)`, the contents of an OBJECT IDENTIFIER, to dotted form (X.690 §8.19). Throws {@link DecodeError} for padding, an arc that is
 * cut off, or more than 64 octets.
 */
export function decodeObjectIdentifier(
  octets: Uint8Array,
  from: number,
  to: number,
  what: string,
  offset: number,
): string {
  if (to === from || to - from > MAX_OCTETS || (octets[to - 1] ?? 0) >= 0x80)
    throw new DecodeError(`${what} is not an OBJECT IDENTIFIER`, offset);
  let hash = 0;
  for (let at = from; at < to; at++) hash = (hash * 31 + (octets[at] ?? 0)) | 0;
  const slot = recent[hash & (SLOTS - 1)];
  if (slot && isAt(slot.octets, octets, from, to)) return slot.dotted;
  const contents = octets.slice(from, to);
  const dotted = toDotted(contents, what, offset);
  recent[hash & (SLOTS - 1)] = { octets: contents, dotted };
  return dotted;
}

function isAt(wanted: Uint8Array, octets: Uint8Array, from: number, to: number): boolean {
  if (wanted.length !== to - from) return false;
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== octets[from + i]) return false;
  return true;
}

function toDotted(contents: Uint8Array, what: string, offset: number): string {
  let dotted = '';
  let arc = 0n;
  let small = 0;
  let length = 0;
  for (const octet of contents) {
    if (length === 0 && octet === 0x80) throw new DecodeError(`${what} is padded`, offset);
    // A number as long as it is exact, then a bigint: arcs below 2.25 (UUIDs) have 128 bits.
    if (length < 4) small = small * 128 + (octet & 0x7f);
    else arc = (length === 4 ? BigInt(small) : arc) * 128n + BigInt(octet & 0x7f);
    length++;
    if (octet >= 0x80) continue;
    if (dotted === '') {
      const root = Math.min(2, Math.floor(length > 4 ? 2 : small / 40));
      dotted = `${root}.${length > 4 ? arc - 80n : small - root * 40}`;
    } else dotted += `.${length > 4 ? arc : small}`;
    small = 0;
    arc = 0n;
    length = 0;
  }
  return dotted;
}

/** Converts dotted form to the contents octets. Throws RangeError when the text is not an object identifier, or takes more than 64 octets. */
export function encodeObjectIdentifier(dotted: string): Uint8Array {
  const cached = known.get(dotted);
  if (cached) return cached;
  if (!/^[0-2](\.(0|[1-9]\d*))+$/.test(dotted)) throw new RangeError(`not an object identifier: ${dotted}`);
  const [root = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  if (root < 2n && second >= 40n) throw new RangeError(`not an object identifier: ${dotted}`);
  const octets = Uint8Array.from([root * 40n + second, ...rest].flatMap(base128));
  if (octets.length > MAX_OCTETS) throw new RangeError(`an object identifier of more than ${MAX_OCTETS} octets`);
  if (known.size < MAX_KNOWN) known.set(dotted, octets);
  return octets;
}

function base128(arc: bigint): number[] {
  const octets = [Number(arc & 0x7fn)];
  for (let left = arc >> 7n; left > 0n; left >>= 7n) octets.unshift(Number(left & 0x7fn) | 0x80);
  return octets;
}
