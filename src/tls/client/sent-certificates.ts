import type { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { decodeCertificate, DecodeError, type Certificate } from '../../x509/index.js';
import { PeerRefusedError } from './peer-refused-error.js';

// No honest server sends more.
const MAX_CERTIFICATES = 10;

/**
 * What the server presented, its own certificate first; undefined when Node.js kept none, as for a resumed TLS 1.2 session. Call it only once: on a
 * client, Node.js 24.21 does not give the certificates again. Throws PeerRefusedError.
 */
export function sentCertificates(socket: TLSSocket): readonly [Certificate, ...Certificate[]] | undefined {
  // Never the legacy object: an unknown key algorithm in it ends the process (Node.js 24.21).
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return undefined;
  const above: Certificate[] = [];
  let next: X509Certificate | undefined = leaf.issuerCertificate;
  // They come as they were sent, in whatever order.
  for (let sent = 0; next && sent < MAX_CERTIFICATES; sent++, next = next.issuerCertificate) {
    const certificate = readable(next.raw);
    if (certificate && certificate.subject.key !== certificate.issuer.key) above.push(certificate);
  }
  return [readLeaf(leaf.raw), ...above];
}

/** The server's own certificate. Throws PeerRefusedError. */
function readLeaf(octets: Uint8Array): Certificate {
  const leaf = readable(octets);
  if (!leaf) throw new PeerRefusedError('malformed', 'its certificate cannot be read');
  return leaf;
}

function readable(octets: Uint8Array): Certificate | undefined {
  try {
    return decodeCertificate(octets);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/**
 * The same from the object that `checkServerIdentity` is given, which Node.js makes only of a chain that OpenSSL accepted. Throws PeerRefusedError.
 */
export function certificatesOfLegacy(certificate: DetailedPeerCertificate): readonly [Certificate, ...Certificate[]] {
  const above: Certificate[] = [];
  let [previous, current] = [certificate, certificate.issuerCertificate as DetailedPeerCertificate | undefined];
  // The root is its own issuer.
  for (; current && current !== previous && above.length < MAX_CERTIFICATES; current = current.issuerCertificate) {
    const read = readable(current.raw);
    if (read) above.push(read);
    previous = current;
  }
  return [readLeaf(certificate.raw), ...above];
}
