import type { TLSSocket } from 'node:tls';
import { decodeCertificate, type Certificate } from '../x509/index.js';

/** What was negotiated on a live TLS connection. */
export interface ConnectionInfo {
  readonly protocol: string | null;
  /** The standard's name of the cipher suite (RFC 8446 appendix B.4). */
  readonly cipher: string;
  readonly resumed: boolean;
  /** The peer's certificate, not validated; undefined when it presented none. */
  readonly peer: Certificate | undefined;
}

/** Describes a connection. Throws DecodeError when the peer's certificate is not strict DER. */
export function connectionInfoOf(socket: TLSSocket): ConnectionInfo {
  const raw = socket.getPeerX509Certificate()?.raw;
  return {
    protocol: socket.getProtocol(),
    cipher: socket.getCipher().standardName,
    resumed: socket.isSessionReused(),
    peer: raw && decodeCertificate(raw),
  };
}
