import { createHash } from 'node:crypto';
import { decodeEscapedPem, decodeEscapedPemChain } from './escaped-pem.js';
import type { PresentedOctets } from './forwarded-format.js';
import { ForwardedHeaderError } from './forwarded-header-error.js';

// Envoy, "x-forwarded-client-cert": these keys, in any case. URI and DNS may come once for each name of the certificate.
const ONCE = new Set(['hash', 'cert', 'chain', 'subject']);
const REPEATED = new Set(['by', 'uri', 'dns']);
const MAX_PAIRS = 100;
const MAX_CHAIN = 10;
// A value is bare, or quoted with \" for a quote. Two backslashes in a row are refused: Envoy does not escape a backslash, so nobody could tell
// whether the quote after them ends the value.
const PAIR = /([A-Za-z]+)=(?:"((?:[^"\\]|\\(?!\\)[^])*)"|([^",;=\\]*))/y;

/**
 * The client's certificate in Envoy's `x-forwarded-client-cert`, and what it presented above: exactly one element, with `Cert` in percent-encoded PEM. A `Hash`, when there is
 * one, must be that certificate's SHA-256, and a `Chain` must begin with it. Nothing else in the header is believed. Throws {@link
 * ForwardedHeaderError}.
 */
export function decodeForwardedClientCert(text: string): PresentedOctets {
  if (text === '') throw new ForwardedHeaderError('empty', 'there is no certificate in it');
  const pairs = readElement(text);
  const cert = pairs.get('cert');
  if (cert === undefined) throw new ForwardedHeaderError('not_in_format', 'its element has no Cert');
  const octets = decodeEscapedPem(cert);
  const hash = pairs.get('hash');
  if (hash !== undefined && hash !== createHash('sha256').update(octets).digest('hex'))
    throw new ForwardedHeaderError('contradictory', 'its Hash is of another certificate than its Cert');
  const chain = pairs.get('chain');
  if (chain === undefined) return [octets];
  const [first, ...above] = decodeEscapedPemChain(chain, MAX_CHAIN);
  if (Buffer.compare(first ?? Buffer.of(), octets) !== 0)
    throw new ForwardedHeaderError('contradictory', 'its Chain begins with another certificate than its Cert');
  return [octets, ...above];
}

/** The pairs of the one element, by key in lower case. */
function readElement(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (let at = 0, count = 0; ; count++) {
    if (count === MAX_PAIRS) throw new ForwardedHeaderError('too_long', `it has more than ${MAX_PAIRS} pairs`);
    PAIR.lastIndex = at;
    const pair = PAIR.exec(text);
    if (!pair) throw malformed();
    const [whole, name = '', quoted, bare = ''] = pair;
    const key = name.toLowerCase();
    if (!ONCE.has(key) && !REPEATED.has(key)) throw malformed();
    if (pairs.has(key) && !REPEATED.has(key))
      throw new ForwardedHeaderError('several_certificates', 'its element has a key twice that belongs there once');
    pairs.set(key, quoted?.replaceAll('\\"', '"') ?? bare);
    at += whole.length;
    if (at === text.length) return pairs;
    if (text[at] === ',')
      throw new ForwardedHeaderError('several_certificates', 'it has several elements where one belongs');
    if (text[at] !== ';') throw malformed();
    at += 1;
  }
}

const malformed = (): ForwardedHeaderError =>
  new ForwardedHeaderError('not_in_format', 'it is not one element of key=value pairs');
