import { encodeObjectIdentifier } from './object-identifier.js';
import { isPrintable } from './string.js';
import { contextConstructed, Tag } from './tag.js';
import { encodeGeneralizedTime, encodeTime } from './time.js';

/** One element: identifier, minimal length, contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of contents) length += part.length;
  const start = headerLength(length);
  const octets = Buffer.allocUnsafe(start + length);
  writeHeader(octets, tag, length);
  let at = start;
  for (const part of contents) {
    octets.set(part, at);
    at += part.length;
  }
  return octets;
}

/** The identifier and length octets of an element whose contents have `length` octets, for contents that are streamed. */
export function encodeHeader(tag: number, length: number): Uint8Array {
  const header = new Uint8Array(headerLength(length));
  writeHeader(header, tag, length);
  return header;
}

function headerLength(length: number): number {
  if (length < 0x80) return 2;
  if (length < 0x100) return 3;
  if (length < 0x10000) return 4;
  return length < 0x1000000 ? 5 : 6;
}

/** X.690 §8.1.3 and §10.1: the shortest form. */
function writeHeader(octets: Uint8Array, tag: number, length: number): void {
  octets[0] = tag;
  if (length < 0x80) {
    octets[1] = length;
    return;
  }
  const count = headerLength(length) - 2;
  octets[1] = 0x80 | count;
  for (let i = 1, rest = length; i <= count; i++, rest = Math.floor(rest / 0x100)) octets[2 + count - i] = rest & 0xff;
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => element(Tag.SEQUENCE, ...parts);

/** SET OF: DER sorts the elements by their octets (X.690 §11.6). */
export const setOf = (...parts: readonly Uint8Array[]): Uint8Array =>
  element(Tag.SET, ...parts.toSorted((a, b) => Buffer.compare(a, b)));

/** `[number] EXPLICIT`. */
export const explicit = (number: number, ...parts: readonly Uint8Array[]): Uint8Array =>
  element(contextConstructed(number), ...parts);

export const boolean = (value: boolean): Uint8Array => Uint8Array.of(Tag.BOOLEAN, 1, value ? 0xff : 0);

export const nullElement = (): Uint8Array => Uint8Array.of(Tag.NULL, 0);

/** A non-negative INTEGER from a number or bigint, or from big-endian magnitude octets. */
export function integer(value: number | bigint | Uint8Array, tag: number = Tag.INTEGER): Uint8Array {
  const magnitude = value instanceof Uint8Array ? value : magnitudeOf(BigInt(value));
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const trimmed = magnitude.length === 0 ? Uint8Array.of(0) : magnitude.subarray(start);
  return (trimmed[0] ?? 0) >= 0x80 ? element(tag, Uint8Array.of(0), trimmed) : element(tag, trimmed);
}

function magnitudeOf(value: bigint): Uint8Array {
  if (value < 0n) throw new RangeError('a negative INTEGER is not written here');
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
}

export const octetString = (octets: Uint8Array, tag: number = Tag.OCTET_STRING): Uint8Array => element(tag, octets);

export const bitString = (octets: Uint8Array, unusedBits = 0, tag: number = Tag.BIT_STRING): Uint8Array =>
  element(tag, Uint8Array.of(unusedBits), octets);

/** A BIT STRING with named bits, without trailing zero bits (X.690 §11.2.2). */
export function namedBits(bits: Iterable<number>, tag: number = Tag.BIT_STRING): Uint8Array {
  const set = [...bits];
  if (set.length === 0) return bitString(new Uint8Array(0), 0, tag);
  const last = Math.max(...set);
  const octets = new Uint8Array((last >> 3) + 1);
  for (const bit of set) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return bitString(octets, 7 - (last & 7), tag);
}

export const oid = (dotted: string, tag: number = Tag.OBJECT_IDENTIFIER): Uint8Array =>
  element(tag, encodeObjectIdentifier(dotted));

/** Throws RangeError on a surrogate without its other half: it has no UTF-8 form, and would become another character. */
export const utf8String = (text: string): Uint8Array => {
  if (!text.isWellFormed()) throw new RangeError(`UTF8String cannot hold ${JSON.stringify(text)}`);
  return element(Tag.UTF8_STRING, Buffer.from(text, 'utf8'));
};

export const ia5String = (text: string, tag: number = Tag.IA5_STRING): Uint8Array => {
  if (/\P{ASCII}/u.test(text)) throw new RangeError(`IA5String cannot hold ${JSON.stringify(text)}`);
  return element(tag, Buffer.from(text, 'latin1'));
};

export const printableString = (text: string): Uint8Array => {
  if (!isPrintable(text)) throw new RangeError(`PrintableString cannot hold ${JSON.stringify(text)}`);
  return element(Tag.PRINTABLE_STRING, Buffer.from(text, 'latin1'));
};

export const time = (date: Date): Uint8Array => {
  const { tag, text } = encodeTime(date);
  return element(tag, Buffer.from(text, 'latin1'));
};

export const generalizedTime = (date: Date): Uint8Array =>
  element(Tag.GENERALIZED_TIME, Buffer.from(encodeGeneralizedTime(date), 'latin1'));
