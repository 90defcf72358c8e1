import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Has the requests of an HTTP/1.1 connection handled one after the other (RFC 9112 §9.3.2). Node.js would begin all of them that come in one read,
 * more than a thousand, and keep their answers, or a part of each, until it is their turn. What waits has its turn when the answer before it is
 * complete, after others have had theirs; meanwhile nothing is read.
 */
export function oneByOne(handle: Handle): Handle {
  /** How many requests wait, by their connection. */
  const waiting = new WeakMap<Socket, number>();
  return (request, response) => {
    // Node.js gives an answer the socket when those before it are complete. The version does not say: over HTTP/1.1 a client may claim HTTP/2.
    if ('stream' in request || response.socket) {
      handle(request, response);
      return;
    }
    const { socket } = request;
    if (!waiting.has(socket))
      // Node.js reads on whenever the peer has taken some octets.
      socket.on('resume', () => {
        if (waiting.get(socket)) socket.pause();
      });
    waiting.set(socket, (waiting.get(socket) ?? 0) + 1);
    socket.pause();
    const takeTurn = (): void => {
      const left = (waiting.get(socket) ?? 1) - 1;
      waiting.set(socket, left);
      if (left === 0) socket.resume();
      if (!socket.destroyed) handle(request, response);
    };
    response.once('socket', () => setImmediate(takeTurn));
  };
}
