import type { TLSSocket, Server } from 'node:tls';
import type { LoggerService } from '@nestjs/common';

const INTERVAL_MS = 1_000;

/**
 * Logs handshakes that failed, by their reason, such as `no shared cipher`: a client that cannot connect finds nothing else anywhere. One line a
 * second at most, with the number of those passed over: anybody can make a handshake fail. Whoever only opens and closes, as probes do, is not one.
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
