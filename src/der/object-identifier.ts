import { DecodeError } from './decode-error.js';

// Longest seen in practice is about 20; RFC 5280 sets no bound, so this is ours.
const MAX_OCTETS = 64;
const MAX_KNOWN = 256;
const known = new Map<string, Uint8Array>();

/** Contents octets to dotted form (X.690 §8.19). Throws {@link DecodeError} on padding, a cut arc or more than 64 octets. */
export function decodeObjectIdentifier(contents: Uint8Array, what: string, offset: number): string {
  if (contents.length === 0 || contents.length > MAX_OCTETS || (contents[contents.length - 1] ?? 0) >= 0x80)
    throw new DecodeError(`${what} is not an OBJECT IDENTIFIER`, offset);
  let dotted = '';
  let arc = 0n;
  let small = 0;
  let length = 0;
  for (const octet of contents) {
    if (length === 0 && octet === 0x80) throw new DecodeError(`${what} is padded`, offset);
    // Numbers while they are exact, big integers beyond: 2.25 arcs (UUIDs) have 128 bits.
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

/** Dotted form to contents octets. Throws RangeError when the text is not an object identifier. */
export function encodeObjectIdentifier(dotted: string): Uint8Array {
  const cached = known.get(dotted);
  if (cached) return cached;
  if (!/^[0-2](\.(0|[1-9]\d*))+$/.test(dotted)) throw new RangeError(`not an object identifier: ${dotted}`);
  const [root = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  if (root < 2n && second >= 40n) throw new RangeError(`not an object identifier: ${dotted}`);
  const octets = Uint8Array.from([root * 40n + second, ...rest].flatMap(base128));
  if (known.size < MAX_KNOWN) known.set(dotted, octets);
  return octets;
}

function base128(arc: bigint): number[] {
  const octets = [Number(arc & 0x7fn)];
  for (let left = arc >> 7n; left > 0n; left >>= 7n) octets.unshift(Number(left & 0x7fn) | 0x80);
  return octets;
}
