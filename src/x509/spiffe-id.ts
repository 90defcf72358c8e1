import type { Certificate } from './certificate.js';

const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
// SPIFFE-ID §2: lower-case trust domain, path segments of letters, digits, dots, hyphens and underscores, none empty, "." or "..".
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*$/;
const SCHEME = 'spiffe://';
const MAX_OCTETS = 2048;

/** Whether text is a SPIFFE ID (SPIFFE-ID §2), of at most 2 048 octets; one without a path is the trust domain itself. */
export const isSpiffeId = (text: string): boolean => text.length <= MAX_OCTETS && SPIFFE_ID.test(text);

/** Whether text is the name of a trust domain (SPIFFE-ID §2.1). */
export const isTrustDomain = (text: string): boolean => TRUST_DOMAIN.test(text);

/** Whether text is the SPIFFE ID of a workload, whose path is not empty: a leaf has such a one (X509-SVID §5.2). */
export const isWorkloadId = (text: string): boolean => isSpiffeId(text) && text.indexOf('/', SCHEME.length) > 0;

/** The trust domain of a SPIFFE ID. */
export const trustDomainOf = (spiffeId: string): string => spiffeId.slice(SCHEME.length).split('/', 1)[0] ?? '';

/** Every URI among the subject alternative names. */
export const urisOf = ({ extensions }: Certificate): string[] =>
  (extensions.subjectAltName ?? []).flatMap((name) => (name.kind === 'uri' ? [name.value] : []));

/** The SPIFFE ID of a certificate: its one URI SAN (X509-SVID §2), when that is a SPIFFE ID; else undefined. */
export function spiffeIdOf(certificate: Certificate): string | undefined {
  const [uri, ...more] = urisOf(certificate);
  return uri !== undefined && more.length === 0 && isSpiffeId(uri) ? uri : undefined;
}
