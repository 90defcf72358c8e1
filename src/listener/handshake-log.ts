import type { TLSSocket, Server } from 'node:tls';
import type { LoggerService } from '@nestjs/common';

const INTERVAL_MS = 1_000;

/**
 * Logs failed handshakes with their reason, such as `no shared cipher`; a client that cannot connect leaves no other trace. Because anybody can make
 * a handshake fail, there is at most one line a second, with the number of those not logged. A connection that is only opened and closed, as probes
 * do, does not count. `clock` in milliseconds, never going back.
 */
export function logFailedHandshakes(
  server: Pick<Server, 'on'>,
  logger: LoggerService,
  clock: () => number = () => performance.now(),
): void {
  let loggedAt = Number.NEGATIVE_INFINITY;
  let passedOver = 0;
  server.on('tlsClientError', (error: NodeJS.ErrnoException & { readonly reason?: string }, socket: TLSSocket) => {
    if (error.code === 'ECONNRESET') return;
    if (clock() - loggedAt < INTERVAL_MS) {
      passedOver++;
      return;
    }
    loggedAt = clock();
    const { code, reason = error.message } = error;
    logger.warn({ event: 'handshake_failed', code, reason, remote: socket.remoteAddress, passedOver }, 'Tls');
    passedOver = 0;
  });
}
