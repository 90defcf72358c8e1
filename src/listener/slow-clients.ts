import { constants, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { HttpConfig } from '../configuration/index.js';

/** Something whose output can be held up by its client: an HTTP/1.1 connection or an HTTP/2 stream. */
interface Waiting {
  /** Since when output has been waiting without a break, as `performance.now()` has it; undefined when none is. */
  since: number | undefined;
  /** The answer that is waiting. On a stream there is one, and behind an upgrade none. */
  answer?: unknown;
  /** How many octets will have been taken when those that were waiting then are. */
  end?: number;
}

/** A connection, with the answer that Node.js keeps on it, or a stream. */
interface Output {
  readonly writableLength: number;
  readonly bytesWritten?: number;
  readonly _httpMessage?: unknown;
}

interface OpenStream extends Waiting {
  readonly openedAt: number;
}

const CHECKING_INTERVAL_MS = 1_000;

/**
 * Cuts clients that do not take an answer within `answerTimeout`, that do not send the body of an HTTP/2 request within `requestTimeout`, or that
 * have asked for nothing over HTTP/2 for `keepAliveTimeout`. Node.js itself cuts silent clients, and on HTTP/1.1 also slow bodies and idle
 * connections; without this, a client that sends or takes an octet now and then could keep the rest open for ever.
 */
export function cutSlowClients(
  server: Http2SecureServer,
  {
    requestTimeout,
    answerTimeout,
    keepAliveTimeout,
  }: Pick<HttpConfig, 'requestTimeout' | 'answerTimeout' | 'keepAliveTimeout'>,
): void {
  const sockets = new Map<TLSSocket, Waiting>();
  const sessions = new Map<ServerHttp2Session, ReadonlyMap<ServerHttp2Stream, OpenStream>>();
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') return;
    sockets.set(socket, { since: undefined });
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session) => {
    const streams = new Map<ServerHttp2Stream, OpenStream>();
    sessions.set(session, streams);
    session.once('close', () => sessions.delete(session));
    session.on('stream', (stream) => {
      streams.set(stream, { openedAt: performance.now(), since: undefined });
      stream.once('close', () => streams.delete(stream));
    });
    session.setTimeout(keepAliveTimeout);
    session.on('timeout', () => {
      // A client that waits for an answer is not idle.
      if (streams.size === 0) session.destroy();
      else session.setTimeout(keepAliveTimeout);
    });
  });
  const check = (): void => {
    const now = performance.now();
    for (const [socket, waiting] of sockets) if (waits(socket, waiting, now) > answerTimeout) socket.destroy();
    for (const streams of sessions.values())
      for (const [stream, open] of streams) {
        const isSending = !stream.endAfterHeaders && !stream.readableEnded;
        if (waits(stream, open, now) > answerTimeout || (isSending && now - open.openedAt > requestTimeout))
          stream.close(constants.NGHTTP2_CANCEL);
      }
  };
  const timer = setInterval(check, Math.min(CHECKING_INTERVAL_MS, requestTimeout, answerTimeout)).unref();
  server.once('close', () => {
    clearInterval(timer);
  });
}

/** How long output of one answer has been waiting, in milliseconds; behind an upgrade, how long some octets have. */
function waits(output: Output, waiting: Waiting, now: number): number {
  const { writableLength, bytesWritten = 0, _httpMessage: answer } = output;
  const isTaken = !answer && bytesWritten - writableLength >= (waiting.end ?? Infinity);
  if (writableLength === 0 || waiting.answer !== answer || isTaken) waiting.since = undefined;
  if (waiting.since === undefined) waiting.end = bytesWritten;
  waiting.answer = answer;
  if (writableLength > 0) waiting.since ??= now;
  return waiting.since === undefined ? 0 : now - waiting.since;
}
