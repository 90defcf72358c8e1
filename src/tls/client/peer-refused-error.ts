import type { PathFailureCode } from '../../x509/index.js';

/**
 * Why a server was not talked to: one of the path's codes, or it presented no certificate, or none that can be read, or the connection is not the one resumed, or it
 * was revoked, or nobody knows whether it was.
 */
export type PeerRefusalCode =
  PathFailureCode | 'revoked' | 'revocation_unknown' | 'no_certificate' | 'wrong_session' | 'handshake_timeout';

/** A server is not who was meant: nothing was sent to it. */
export class PeerRefusedError extends Error {
  override readonly name = 'PeerRefusedError';

  constructor(
    readonly code: PeerRefusalCode,
    message: string,
  ) {
    super(`the server is refused: ${message}`);
  }
}
