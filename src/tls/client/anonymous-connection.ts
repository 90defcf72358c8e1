import { constants } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { connectTo, type ConnectTarget, type ServerConnection } from './connect.js';
import type { ServerTrust } from './expected-peer.js';
import { Generation } from './generation.js';

const { SSL_OP_NO_COMPRESSION, SSL_OP_NO_RENEGOTIATION } = constants;

/**
 * One connection without a certificate of our own, given once the server is known to be who was meant, by a path to `trust`. Throws PeerRefusedError, or what the network
 * says.
 */
export function connectAnonymously(
  target: ConnectTarget,
  options: { readonly trust: ServerTrust; readonly clock: () => Date; readonly handshakeTimeout: number },
): Promise<ServerConnection> {
  const context = createSecureContext({
    minVersion: 'TLSv1.2',
    secureOptions: SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION,
  });
  return connectTo(new Generation(context, options.trust), target, options);
}
