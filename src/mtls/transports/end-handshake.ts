import type { TLSSocket } from 'node:tls';

/**
 * For `tlsClientError` of a server that `tls.createServer` made: Node.js tells of a handshake that is not finished in time, and leaves the connection
 * open.
 */
export function endHandshake(_: Error, socket: TLSSocket): void {
  // Whoever else hears of it may ask for its address.
  setImmediate(() => {
    socket.destroy();
  });
}
