import { decodeBase64 } from './base64-der.js';
import { decodeByteSequence, decodeByteSequences } from './byte-sequence.js';
import { decodeEscapedPem } from './escaped-pem.js';
import { ForwardedHeaderError } from './forwarded-header-error.js';
import { decodeSpacedPem } from './spaced-pem.js';
import { decodeForwardedClientCert } from './x-forwarded-client-cert.js';

/** How a header carries the client's certificate. */
export type ForwardedFormatName = 'rfc9440' | 'xfcc' | 'escaped-pem' | 'spaced-pem' | 'base64-der';

interface ForwardedFormat {
  /** The header's name in lower case; the only one allowed, unless `isHeaderFree`. */
  readonly header: string;
  readonly isHeaderFree: boolean;
  /** Throws ForwardedHeaderError. */
  readonly decode: (value: string) => PresentedOctets;
}

/** The client's certificate in DER, and those that it presented above it. */
export type PresentedOctets = readonly [Uint8Array, ...Uint8Array[]];

/** The chain header of RFC 9440 §2.3. */
export const CHAIN_HEADER = 'client-cert-chain';

const DEFAULT_HEADER = 'x-ssl-client-cert';
const MAX_CHAIN = 10;
// Node.js takes 16 KiB of headers in all, unless it is told otherwise.
const MAX_CHARACTERS = 16_384;

export const FORWARDED_FORMATS: Readonly<Record<ForwardedFormatName, ForwardedFormat>> = {
  rfc9440: { header: 'client-cert', isHeaderFree: false, decode: (value) => [decodeByteSequence(value)] },
  xfcc: { header: 'x-forwarded-client-cert', isHeaderFree: false, decode: decodeForwardedClientCert },
  'escaped-pem': { header: DEFAULT_HEADER, isHeaderFree: true, decode: (value) => [decodeEscapedPem(value)] },
  'spaced-pem': { header: DEFAULT_HEADER, isHeaderFree: true, decode: (value) => [decodeSpacedPem(value)] },
  'base64-der': { header: DEFAULT_HEADER, isHeaderFree: true, decode: (value) => [decodeBase64(value)] },
};

/** What the value of a header carries, within bounds; with RFC 9440 the chain beside it as well. Throws {@link ForwardedHeaderError}. */
export function decodeForwarded(format: ForwardedFormatName, value: string, chain?: string): PresentedOctets {
  if (value.length + (chain?.length ?? 0) > MAX_CHARACTERS)
    throw new ForwardedHeaderError('too_long', `it has more than ${MAX_CHARACTERS} characters`);
  const presented = FORWARDED_FORMATS[format].decode(value);
  return chain === undefined ? presented : [...presented, ...decodeByteSequences(chain, MAX_CHAIN)];
}
