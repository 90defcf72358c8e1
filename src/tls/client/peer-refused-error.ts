import type { PathFailureCode } from '../../x509/index.js';

/**
 * Why a server was refused. Either a code of its path, or: it is revoked, nobody knows whether it is, it presented no certificate, its session is not
 * the one to be resumed, or it did not finish the handshake in time.
 */
export type PeerRefusalCode =
  PathFailureCode | 'revoked' | 'revocation_unknown' | 'no_certificate' | 'wrong_session' | 'handshake_timeout';

/** A server is not the expected one; nothing was sent to it. */
export class PeerRefusedError extends Error {
  override readonly name = 'PeerRefusedError';

  constructor(
    readonly code: PeerRefusalCode,
    message: string,
  ) {
    super(`the server is refused: ${message}`);
  }
}
