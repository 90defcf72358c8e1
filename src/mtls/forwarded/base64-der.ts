import { ForwardedHeaderError } from './forwarded-header-error.js';

/**
 * The octets of base64 in its canonical form (RFC 4648 §4, §3.5): padded, without white space, and with no stray bits at the end. As in HAProxy's
 * `ssl_c_der,base64`. Throws {@link ForwardedHeaderError}.
 */
export function decodeBase64(text: string): Uint8Array {
  if (text === '') throw new ForwardedHeaderError('empty', 'there is no certificate in it');
  const octets = Buffer.from(text, 'base64');
  // Node.js reads base64 leniently: only text that is written back unchanged was canonical.
  if (octets.toString('base64') !== text) throw new ForwardedHeaderError('not_base64', 'it is not canonical base64');
  return octets;
}
