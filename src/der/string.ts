import { DecodeError } from './decode-error.js';
import { Tag } from './tag.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;
const NUMERIC = /^[0-9 ]*$/;

/**
 * Contents octets of a character string to text. TeletexString is read as Latin-1, as everybody does (RFC 5280 appendix B leaves it undefined).
 * Throws {@link DecodeError} when an octet does not belong to the type's alphabet. NUL is kept: who compares names decides about it.
 */
export function decodeString(tag: number, contents: Uint8Array, what: string, offset: number): string {
  const bad = (): never => {
    throw new DecodeError(`${what} has characters that do not belong to its string type`, offset);
  };
  switch (tag) {
    case Tag.UTF8_STRING:
      try {
        return utf8.decode(contents);
      } catch {
        return bad();
      }
    case Tag.PRINTABLE_STRING: {
      const text = latin1(contents);
      return PRINTABLE.test(text) ? text : bad();
    }
    case Tag.NUMERIC_STRING: {
      const text = latin1(contents);
      return NUMERIC.test(text) ? text : bad();
    }
    case Tag.IA5_STRING:
      return contents.every((octet) => octet < 0x80) ? latin1(contents) : bad();
    case Tag.VISIBLE_STRING:
      return contents.every((octet) => octet >= 0x20 && octet < 0x7f) ? latin1(contents) : bad();
    case Tag.TELETEX_STRING:
      return latin1(contents);
    case Tag.BMP_STRING:
      return fixedWidth(contents, 2) ?? bad();
    case Tag.UNIVERSAL_STRING:
      return fixedWidth(contents, 4) ?? bad();
    default:
      throw new DecodeError(`${what} is not a character string`, offset);
  }
}

function latin1(contents: Uint8Array): string {
  return Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength).toString('latin1');
}

function fixedWidth(contents: Uint8Array, width: 2 | 4): string | undefined {
  if (contents.length % width !== 0) return undefined;
  const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
  let text = '';
  for (let at = 0; at < contents.length; at += width) {
    const point = width === 2 ? view.getUint16(at) : view.getUint32(at);
    // Surrogates are no characters of their own (ISO/IEC 10646): BMPString cannot pair them.
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

/** Whether PrintableString can hold the text (X.680 §41.4). */
export function isPrintable(text: string): boolean {
  return PRINTABLE.test(text);
}
