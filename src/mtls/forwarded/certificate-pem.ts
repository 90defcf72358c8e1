import { decodeBase64 } from './base64-der.js';
import { ForwardedHeaderError } from './forwarded-header-error.js';

// RFC 7468 §3, "stricttextualmsg": lines of 64 characters; only the last may be shorter.
const form = (separator: string): RegExp =>
  new RegExp(
    `^-----BEGIN CERTIFICATE-----${separator}((?:[A-Za-z0-9+/]{64}${separator})*[A-Za-z0-9+/=]{1,64})${separator}-----END CERTIFICATE-----(?:\n)?$`,
  );
const FORMS = { '\n': form('\n'), ' ': form(' ') } as const;
const BOUNDARY = '-----BEGIN';

/**
 * The octets of one certificate in strict PEM (RFC 7468 §3) whose lines end in `separator`, with nothing around it.
 * Throws {@link ForwardedHeaderError}.
 */
export function decodeCertificatePem(text: string, separator: keyof typeof FORMS): Uint8Array {
  if (text === '') throw new ForwardedHeaderError('empty', 'there is no certificate in it');
  const base64 = FORMS[separator].exec(text)?.[1];
  if (base64 !== undefined) return decodeBase64(base64.replaceAll(separator, ''));
  if (text.indexOf(BOUNDARY) !== text.lastIndexOf(BOUNDARY))
    throw new ForwardedHeaderError('several_certificates', 'it has several PEM blocks where one belongs');
  throw new ForwardedHeaderError('not_in_format', 'it is not one certificate in strict PEM');
}
