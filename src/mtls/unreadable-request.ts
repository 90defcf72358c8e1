import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { METHODS, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEM_CONTENT_TYPE, problemOctets, problemOfStatus, type Problem } from './problem.js';
import { sendProblem } from './refusal-reply.js';

/**
 * Fastify's `frameworkErrors`: a path that cannot be routed (malformed percent-encoding, or a parameter that is too long) meets no guard and no
 * filter. Nothing of it is repeated in the answer.
 */
export function answerUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, problemOfStatus(error.statusCode ?? 400, request.id, 'The path cannot be routed.'));
}

/**
 * Fastify's `clientErrorHandler`: octets that are no HTTP/1.1 request, or that do not come in time, never become a request. They are answered with a
 * problem document, and the connection ends. Where the answer to an earlier request is still owed, the connection ends with that.
 */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: AnsweringSocket): void {
  const owed = socket._httpMessage;
  const isGone = error.code === 'ECONNRESET' || !socket.writable;
  if (!isGone && owed?.req.complete && !owed.headersSent) {
    owed.shouldKeepAlive = false;
    socket.pause();
    return;
  }
  // It would be taken for a part of the answer that is being given.
  if (!isGone && !owed?.headersSent) {
    const [status, detail] = UNREADABLE[error.code ?? ''] ?? [400, 'This is not a valid HTTP/1.1 request.'];
    socket.write(problemOctets(problemOfStatus(status, randomUUID(), detail)));
  }
  socket.destroy(error);
}

/** A socket with what Node.js keeps on it: the answer that is being sent, or is the next to be. */
type AnsweringSocket = Duplex & {
  readonly _httpMessage?: Pick<ServerResponse, 'headersSent' | 'req' | 'shouldKeepAlive'> | null;
};

const UNREADABLE: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not come in time.'],
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too large.'],
};

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Lets pass over HTTP/1.1 what has one meaning there, for a server whose `requireHostHeader` is off, because Node.js itself answers without a body. Answered
 * with a problem document, and the last of its connection, is a request that says another version than HTTP/1.x (RFC 9110 §15.6.6), an HTTP/1.1 request
 * without `Host`, one with several (RFC 9112 §3.2), and one of HTTP/1.0 with `Transfer-Encoding` (§6.1).
 */
export const withOneMeaning =
  (handle: Handle): Handle =>
  (request, response) => {
    const refused = 'stream' in request ? undefined : ambiguityOf(request);
    if (!refused) {
      handle(request, response);
      return;
    }
    response.setHeader('connection', 'close');
    answerStatus(response, ...refused);
  };

/**
 * Has a request with an unknown method (RFC 9110 §9.1) answered with a problem document. Over HTTP/1.1 the parser refuses it; over HTTP/2 it comes
 * through, and Fastify would answer it past every hook. Call it when the server's own listeners are there.
 */
export function refuseUnknownMethods(server: EventEmitter): void {
  const handlers = server.listeners('request') as Handle[];
  server.removeAllListeners('request').on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (KNOWN_METHODS.has(request.method ?? '')) for (const handle of handlers) handle.call(server, request, response);
    else answerStatus(response, 501, 'The method is not known here.');
  });
}

/**
 * Has `CONNECT` (RFC 9110 §9.3.6) over HTTP/1.1 refused with a problem document when nobody else listens for it. Node.js would close the connection
 * without an answer.
 */
export function refuseConnect(server: EventEmitter): void {
  server.on('connect', (_: IncomingMessage, socket: AnsweringSocket) => {
    if (server.listenerCount('connect') > 1) return;
    // No method is allowed where there is no resource (RFC 9110 §10.2.1).
    endWithProblem(socket, problemOfStatus(405, randomUUID(), CONNECT_REFUSED), ['Allow: ']);
  });
}

/** Whether an earlier request on a socket has no answer yet, or not all of it. */
export const owesAnswer = ({ _httpMessage }: AnsweringSocket): boolean => Boolean(_httpMessage);

/** Answers on a socket that left HTTP/1.1, and ends it. `more` are further header lines. */
export function endWithProblem(socket: AnsweringSocket, problem: Problem, more: readonly string[] = []): void {
  socket.on('error', () => undefined);
  // It would be taken for the answer to an earlier request that has none yet.
  if (owesAnswer(socket)) socket.destroy();
  else
    socket.end(problemOctets(problem, more), () => {
      socket.destroy();
    });
}

/** Answers with the problem document of a status, before Fastify sees the request. */
export function answerStatus(response: ServerResponse, status: number, detail: string): void {
  const body = JSON.stringify(problemOfStatus(status, randomUUID(), detail));
  response.statusCode = status;
  response.setHeader('content-type', PROBLEM_CONTENT_TYPE);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.setHeader('cache-control', 'no-store');
  response.end(body);
}

/** The detail of the refusal of `CONNECT`. */
export const CONNECT_REFUSED = 'CONNECT is not served here.';

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

/** The status and detail to refuse with; undefined for a request that all read alike. */
function ambiguityOf(request: IncomingMessage): [status: number, detail: string] | undefined {
  const { httpVersionMajor, httpVersionMinor } = request;
  if (httpVersionMajor !== 1) return [505, 'This connection speaks HTTP/1.1.'];
  if (!hasOneHost(request)) return [400, 'A request must have exactly one Host header.'];
  if (httpVersionMinor === 0 && request.headers['transfer-encoding'] !== undefined)
    return [400, 'HTTP/1.0 has no Transfer-Encoding.'];
  return undefined;
}

/** Counts the raw header lines, because `headers` holds only the first of several. */
function hasOneHost({ httpVersionMinor, rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (isHost(rawHeaders[i] ?? '')) hosts++;
  return hosts === 1 || (hosts === 0 && httpVersionMinor === 0);
}

// The usual spellings come first: they need no new string.
const isHost = (name: string): boolean =>
  name.length === 4 && (name === 'Host' || name === 'host' || name.toLowerCase() === 'host');
