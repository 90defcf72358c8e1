import { DecodeError } from './decode-error.js';
import { Tag } from './tag.js';

/**
 * Converts the octets `[from, to)`, the contents of a time, to a Date in whole seconds: `YYMMDDHHMMSSZ` (years 1950–2049) or `YYYYMMDDHHMMSSZ`, nothing else
 * (RFC 5280 §4.1.2.5.1–2). Throws {@link DecodeError}.
 */
export function decodeTime(
  tag: number,
  octets: Uint8Array,
  from: number,
  to: number,
  what: string,
  offset: number,
): Date {
  const digits = tag === Tag.UTC_TIME ? 12 : 14;
  const bad = (): never => {
    throw new DecodeError(`${what} is not a time in the form RFC 5280 allows`, offset);
  };
  if (to - from !== digits + 1 || octets[to - 1] !== 0x5a) bad();
  const two = (at: number): number => {
    const tens = (octets[from + at] ?? 0) - 0x30;
    const ones = (octets[from + at + 1] ?? 0) - 0x30;
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9) bad();
    return tens * 10 + ones;
  };
  const short = two(0);
  const year = digits === 14 ? short * 100 + two(2) : short < 50 ? 2000 + short : 1900 + short;
  const at = digits - 10;
  const [month, day, hour, minute, second] = [two(at), two(at + 2), two(at + 4), two(at + 6), two(at + 8)];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  // A Date rolls 31 February over into March, and hour 24 into the next day; a certificate may not.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || minute > 59 || second > 59) bad();
  return date;
}

/** The tag that RFC 5280 §4.1.2.5 requires for a time: UTCTime through 2049, GeneralizedTime from 2050 (and before 1950). */
export function timeTagOf(date: Date): number {
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050 ? Tag.UTC_TIME : Tag.GENERALIZED_TIME;
}

/** The text of a time with the type that {@link timeTagOf} gives it; whole seconds. */
export function encodeTime(date: Date): { readonly tag: number; readonly text: string } {
  const generalized = encodeGeneralizedTime(date);
  const tag = timeTagOf(date);
  return { tag, text: tag === Tag.UTC_TIME ? generalized.slice(2) : generalized };
}

/** `YYYYMMDDHHMMSSZ`. Throws RangeError outside the years 0–9999. */
export function encodeGeneralizedTime(date: Date): string {
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) throw new RangeError('a time in a certificate lies between the years 0 and 9999');
  const [month, day] = [two(date.getUTCMonth() + 1), two(date.getUTCDate())];
  const [hour, minute, second] = [two(date.getUTCHours()), two(date.getUTCMinutes()), two(date.getUTCSeconds())];
  return `${two(Math.floor(year / 100))}${two(year % 100)}${month}${day}${hour}${minute}${second}Z`;
}

const two = (number: number): string => (number < 10 ? `0${number}` : `${number}`);
