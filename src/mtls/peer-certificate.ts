import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { TLSSocket } from 'node:tls';
import { clientLeafOf } from '../tls/index.js';

/** A certificate as it was presented: node:crypto's X509Certificate is one. */
export interface PresentedCertificate {
  /** SHA-256 of `raw`, in any notation that is always the same for the same octets. */
  readonly fingerprint256: string;
  /** DER. */
  readonly raw: Uint8Array;
  /** The next certificate that was presented with it, whether it issued this one or not; undefined where there is none. */
  readonly issuerCertificate?: PresentedCertificate | undefined;
}

/** A certificate that came by any other way than a handshake, and those that came with it, in DER. */
export const presentedCertificate = (
  raw: Uint8Array,
  [next, ...others]: readonly Uint8Array[] = [],
): PresentedCertificate => ({
  fingerprint256: hash('sha256', raw),
  raw,
  issuerCertificate: next && presentedCertificate(next, others),
});

/** Where a request came from: an object that lives as long as its connection, and the certificate presented on it. */
export interface Peer {
  /** The TLS socket (HTTP/1.1) or the session (HTTP/2); behind a proxy, an object that stands for all requests with the same certificate. */
  readonly connection: object;
  /** The leaf certificate, or undefined when none was presented. Each call reads it anew: keep the result. */
  readonly certificate: () => PresentedCertificate | undefined;
  /** The service of the trusted proxy that forwarded the certificate; absent when the peer itself holds the connection. */
  readonly proxy?: string;
}

/** Port: finds the peer of a request. The default reads the TLS socket; `veritas/testing` puts a stand-in here for `app.inject`. */
export type PeerOf = (request: { readonly raw: IncomingMessage | Http2ServerRequest }) => Peer | undefined;
export const PEER_OF = Symbol('veritas:PeerOf');

/**
 * The peer of a request that came over TLS; undefined for any other request. What the socket says about authorization is not looked at: a resumed
 * session says `authorized` whatever happened since, and has only the leaf.
 */
export const peerOfSocket: PeerOf = ({ raw }) => {
  const session = 'stream' in raw ? raw.stream.session : undefined;
  const connection: Holder = session ?? raw.socket;
  return connection[PEER] ?? firstPeerOf(connection, session ? session.socket : raw.socket);
};

const PEER = Symbol('veritas:Peer');
type Holder = object & { [PEER]?: Peer };

function firstPeerOf(connection: Holder, socket: object): Peer | undefined {
  // The session's socket is a proxy for which instanceof holds as well.
  if (!(socket instanceof TLSSocket)) return undefined;
  return (connection[PEER] = { connection, certificate: () => certificateOf(socket) });
}

/** Those that came with it are only asked for when they are needed: Node.js 24.21 never frees them then. */
function certificateOf(socket: TLSSocket): PresentedCertificate | undefined {
  const leaf = clientLeafOf(socket);
  if (!leaf) return undefined;
  return {
    fingerprint256: hash('sha256', leaf),
    raw: leaf,
    get issuerCertificate() {
      return socket.getPeerX509Certificate()?.issuerCertificate;
    },
  };
}
