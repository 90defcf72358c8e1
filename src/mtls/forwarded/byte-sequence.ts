import { decodeBase64 } from './base64-der.js';
import { ForwardedHeaderError } from './forwarded-header-error.js';

/**
 * The octets of a Byte Sequence, as an Item without parameters (RFC 9651 §3.3.5; RFC 9440 §2.1): base64 between colons, padded and canonical. Throws
 * ForwardedHeaderError.
 */
export function decodeByteSequence(text: string): Uint8Array {
  const [before, base64, after, ...rest] = text.split(':', 5);
  if (base64 === undefined || after === undefined || before !== '')
    throw new ForwardedHeaderError('not_in_format', 'it is not a Byte Sequence of RFC 9651');
  if (rest.length > 0)
    throw new ForwardedHeaderError('several_certificates', 'it has several Byte Sequences where one belongs');
  if (after !== '') throw new ForwardedHeaderError('not_in_format', 'something stands behind its Byte Sequence');
  return decodeBase64(base64);
}

/** A List of one to `most` Byte Sequences without parameters (RFC 9651 §3.1; RFC 9440 §2.3). Throws ForwardedHeaderError. */
export function decodeByteSequences(text: string, most: number): Uint8Array[] {
  const members = text.split(/[ \t]*,[ \t]*/, most + 1);
  if (members.length > most) throw new ForwardedHeaderError('too_long', `it has more than ${most} certificates`);
  return members.map(decodeByteSequence);
}
