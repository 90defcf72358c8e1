import { createSecureContext } from 'node:tls';
import { SECURE_OPTIONS } from '../secure-context.js';
import { connectTo, type ConnectTarget, type ServerConnection } from './connect.js';
import type { ServerTrust } from './expected-peer.js';
import { Generation } from './generation.js';

/**
 * Opens one connection without a certificate of our own. It is given once the server has proven to be the expected one, by a path to `trust`. Throws
 * PeerRefusedError, and network errors.
 */
export function connectAnonymously(
  target: ConnectTarget,
  options: { readonly trust: ServerTrust; readonly clock: () => Date; readonly handshakeTimeout: number },
): Promise<ServerConnection> {
  const context = createSecureContext({
    minVersion: 'TLSv1.2',
    secureOptions: SECURE_OPTIONS,
  });
  return connectTo(new Generation(context, options.trust), target, options);
}
