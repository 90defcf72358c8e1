import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { Certificate } from '../../x509/index.js';
import { certificatesAbove, MOST_ABOVE, readable } from '../certificates-above.js';
import { PeerRefusedError } from './peer-refused-error.js';

/**
 * What the server presented, its own certificate first; undefined when Node.js kept none, as for a resumed TLS 1.2 session. Call it only once: on a
 * client, Node.js 24.21 does not give the certificates again. Throws PeerRefusedError.
 */
export function sentCertificates(socket: TLSSocket): readonly [Certificate, ...Certificate[]] | undefined {
  // Never the legacy object: an unknown key algorithm in it ends the process (Node.js 24.21).
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return undefined;
  const above = certificatesAbove(leaf).filter(({ subject, issuer }) => subject.key !== issuer.key);
  return [readLeaf(leaf.raw), ...above];
}

/** The server's own certificate. Throws PeerRefusedError. */
function readLeaf(octets: Uint8Array): Certificate {
  const leaf = readable(octets);
  if (!leaf) throw new PeerRefusedError('malformed', 'its certificate cannot be read');
  return leaf;
}

/**
 * The same from the object that `checkServerIdentity` is given, which Node.js makes only of a chain that OpenSSL accepted. Throws PeerRefusedError.
 */
export function certificatesOfLegacy(certificate: DetailedPeerCertificate): readonly [Certificate, ...Certificate[]] {
  const above: Certificate[] = [];
  let [previous, current] = [certificate, certificate.issuerCertificate as DetailedPeerCertificate | undefined];
  // The root is its own issuer.
  for (; current && current !== previous && above.length < MOST_ABOVE; current = current.issuerCertificate) {
    const read = readable(current.raw);
    if (read) above.push(read);
    previous = current;
  }
  return [readLeaf(certificate.raw), ...above];
}
