import type { Certificate } from '../x509/index.js';

// SPIFFE-ID §2: lower-case trust domain, path segments of letters, digits, dots, hyphens and underscores, none empty, "." or "..".
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*$/;
const MAX_OCTETS = 2048;

/** The SPIFFE ID of a certificate: its one URI SAN (X509-SVID §2), when that is a SPIFFE ID; else undefined. */
export function spiffeIdOf(certificate: Certificate): string | undefined {
  const uris = (certificate.extensions.subjectAltName ?? []).filter((name) => name.kind === 'uri');
  const [uri] = uris;
  return uris.length === 1 && uri && uri.value.length <= MAX_OCTETS && SPIFFE_ID.test(uri.value)
    ? uri.value
    : undefined;
}
