import { decodeCertificatePem } from './certificate-pem.js';

/**
 * The certificate in PEM with a space in place of each line break, which is what Apache's mod_headers makes of `%{SSL_CLIENT_CERT}s`. Throws
 * ForwardedHeaderError.
 */
export const decodeSpacedPem = (text: string): Uint8Array => decodeCertificatePem(text, ' ');
