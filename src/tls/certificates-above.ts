import { decodeCertificate, DecodeError, type Certificate } from '../x509/index.js';

/** A certificate and the next one that was sent with it, whether it issued this one or not: node:crypto's X509Certificate is one. */
interface SentCertificate {
  /** DER. */
  readonly raw: Uint8Array;
  readonly issuerCertificate?: SentCertificate | undefined;
}

/** How many certificates above a peer's own are read: no honest one sends more. */
export const MOST_ABOVE = 10;

/** Those that a peer sent with its own, in whatever order; what cannot be read is passed over, as no path leads over it. */
export function certificatesAbove(leaf: SentCertificate): readonly Certificate[] {
  const above: Certificate[] = [];
  let next = leaf.issuerCertificate;
  for (let sent = 0; next && sent < MOST_ABOVE; sent++, next = next.issuerCertificate) {
    const certificate = readable(next.raw);
    if (certificate) above.push(certificate);
  }
  return above;
}

/** Undefined for what is no certificate. */
export function readable(octets: Uint8Array): Certificate | undefined {
  try {
    return decodeCertificate(octets);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
