import { DecodeError } from './decode-error.js';
import { Tag } from './tag.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;
const NUMERIC = /^[0-9 ]*$/;

/**
 * Converts the octets `[from, to)`, the contents of a character string, to text. TeletexString is read as Latin-1, as everybody does (RFC 5280 appendix B
 * leaves it undefined). Throws {@link DecodeError} when an octet does not belong to the type's alphabet. NUL is kept: the code that compares names decides
 * about it.
 */
export function decodeString(
  tag: number,
  octets: Buffer,
  from: number,
  to: number,
  what: string,
  offset: number,
): string {
  const bad = (): never => {
    throw new DecodeError(`${what} has characters that do not belong to its string type`, offset);
  };
  switch (tag) {
    case Tag.UTF8_STRING:
      // Nearly every string is ASCII, which is read three times as fast this way.
      if (everyOctet(octets, from, to, 0, 0x7f)) return octets.toString('latin1', from, to);
      try {
        return utf8.decode(octets.subarray(from, to));
      } catch {
        return bad();
      }
    case Tag.PRINTABLE_STRING: {
      const text = octets.toString('latin1', from, to);
      return PRINTABLE.test(text) ? text : bad();
    }
    case Tag.NUMERIC_STRING: {
      const text = octets.toString('latin1', from, to);
      return NUMERIC.test(text) ? text : bad();
    }
    case Tag.IA5_STRING:
      return everyOctet(octets, from, to, 0, 0x7f) ? octets.toString('latin1', from, to) : bad();
    case Tag.VISIBLE_STRING:
      return everyOctet(octets, from, to, 0x20, 0x7e) ? octets.toString('latin1', from, to) : bad();
    case Tag.TELETEX_STRING:
      return octets.toString('latin1', from, to);
    case Tag.BMP_STRING:
      return fixedWidth(octets, from, to, 2) ?? bad();
    case Tag.UNIVERSAL_STRING:
      return fixedWidth(octets, from, to, 4) ?? bad();
    default:
      throw new DecodeError(`${what} is not a character string`, offset);
  }
}

function everyOctet(octets: Buffer, from: number, to: number, least: number, most: number): boolean {
  for (let at = from; at < to; at++) {
    const octet = octets[at] ?? 0;
    if (octet < least || octet > most) return false;
  }
  return true;
}

function fixedWidth(octets: Buffer, from: number, to: number, width: 2 | 4): string | undefined {
  if ((to - from) % width !== 0) return undefined;
  let text = '';
  for (let at = from; at < to; at += width) {
    const point = octets.readUIntBE(at, width);
    // A surrogate is not a character by itself (ISO/IEC 10646), and BMPString cannot pair them.
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

/** Whether PrintableString can hold the text (X.680 §41.4). */
export function isPrintable(text: string): boolean {
  return PRINTABLE.test(text);
}
