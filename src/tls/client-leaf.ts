import type { TLSSocket } from 'node:tls';
import { contextConstructed, DerReader, Tag } from '../der/index.js';

const PEER = contextConstructed(3);

/**
 * The certificate that the client of a server's connection presented, in DER and not validated; undefined when it presented none. Throws DecodeError for a
 * session that is not encoded as OpenSSL does it.
 *
 * It is read from the session (`peer` of OpenSSL's SSL_SESSION_ASN1), which holds no other certificate: `getPeerX509Certificate` of Node.js 24.21 never
 * frees those that came with it, and any stranger may send a hundred kilobytes of them.
 */
export function clientLeafOf(socket: TLSSocket): Uint8Array | undefined {
  const session = socket.getSession();
  if (!session) return undefined;
  try {
    const fields = new DerReader(session).enter(Tag.SEQUENCE, 'the session');
    while (!fields.done && !fields.has(PEER)) fields.element('a field of the session');
    return fields.done ? undefined : Uint8Array.from(fields.contents(PEER, 'the certificate in the session'));
  } finally {
    // The secrets of the connection are in it.
    session.fill(0);
  }
}
