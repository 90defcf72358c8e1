import { decodeCertificatePem } from './certificate-pem.js';
import { ForwardedHeaderError } from './forwarded-header-error.js';

// Only those characters of PEM that are not unreserved (RFC 3986 §2.3) are escaped, as both nginx and Envoy do. A raw "+" would have two meanings.
const ESCAPED = /^(?:[A-Za-z0-9-]|%(?:0A|20|2B|2F|3D))*$/;

/**
 * The certificate in PEM with percent-encoding: nginx's `$ssl_client_escaped_cert`, `Cert` of Envoy's header.
 * Throws ForwardedHeaderError.
 */
export const decodeEscapedPem = (text: string): Uint8Array => decodeCertificatePem(unescapePem(text), '\n');

/** As {@link decodeEscapedPem}, for up to `most` certificates in a row. */
export function decodeEscapedPemChain(text: string, most: number): Uint8Array[] {
  const blocks = unescapePem(text).split(/(?<=-----END CERTIFICATE-----\n)/, most + 1);
  if (blocks.length > most) throw new ForwardedHeaderError('too_long', `its chain has more than ${most} certificates`);
  return blocks.map((block) => decodeCertificatePem(block, '\n'));
}

function unescapePem(text: string): string {
  if (!ESCAPED.test(text)) throw new ForwardedHeaderError('not_in_format', 'it is not percent-encoded PEM');
  return decodeURIComponent(text);
}
