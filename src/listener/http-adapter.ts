import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2ServerRequest } from 'node:http2';
import type { TlsOptions, TLSSocket } from 'node:tls';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { errorCodes, type FastifyServerFactory } from 'fastify';
import type { HttpConfig } from '../configuration/index.js';
import type { ConnectionSettings } from './connection-limits.js';
import { answerStatus, answerUnreadable, answerUnroutable, oneByOne, withOneMeaning } from '../mtls/index.js';
import { NO_SCHEMAS } from '../repository/index.js';
import { continueWhenRead } from './continuation.js';
import { cutSlowClients } from './slow-clients.js';

/** The limits of the HTTPS listener on what comes over a connection. */
export type HttpLimits = Omit<HttpConfig, 'host' | 'port' | 'drainTimeout' | keyof ConnectionSettings>;

// The form in which a caller may name its request. The name is repeated in the answer and in the log.
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const ID_HEADER = 'x-request-id';
const OCTETS = 'application/octet-stream';
const MAX_STREAMS = 128;
// How many streams a client may cancel (CVE-2023-44487): at once, and per second. Cancelling all of its open streams four times over is no attack.
const STREAM_RESETS = { streamResetBurst: 4 * MAX_STREAMS, streamResetRate: 33 };
// Room for a SPIFFE ID of the greatest length followed by `/*`, with each octet percent-encoded as three. No route here has a pattern that a long
// parameter could make slow.
const MAX_PARAM_LENGTH = 3 * 2050;
// Node.js looks for overdue clients at this interval, not at each client's own deadline.
const CHECKING_INTERVAL_MS = 1_000;
const CLOSING_INTERVAL_MS = 50;
// Who has just connected is about to ask, and hears that the service is stopping. Go's net/http waits as long.
const SILENCE_MS = 5_000;

/** Fastify on HTTPS, with HTTP/1.1 and HTTP/2 by ALPN, within the limits of `http`. */
export function createHttpAdapter(http: HttpLimits, tls: TlsOptions): FastifyAdapter {
  let isClosing = false;
  const open = new Set<TLSSocket>();
  const serverFactory: FastifyServerFactory = (handler) => {
    // Fastify's own 503 is no problem document. A session of HTTP/2 is told by GOAWAY, and what was on its way is answered.
    const unlessClosing: RequestListener = (request, response) => {
      if (isClosing && request.httpVersionMajor === 1) answerClosing(response);
      else handler(request, response);
    };
    const listener = createListener(http, tls)
      .on('request', oneByOne(withOneMeaning(withTypeOfBody(unlessClosing))) as never)
      .on('secureConnection', (socket: TLSSocket) => {
        open.add(socket);
        socket.once('close', () => open.delete(socket));
      });
    return listener as unknown as ReturnType<FastifyServerFactory>;
  };
  const adapter = new FastifyAdapter({
    http2: true,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    serverFactory: serverFactory as never,
    logger: false,
    schemaController: NO_SCHEMAS,
    bodyLimit: http.bodyLimit,
    return503OnClosing: false,
    genReqId: requestIds(),
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerUnreadable,
  });
  adapter.getInstance().addContentTypeParser(OCTETS, { parseAs: 'buffer' }, (_, body, done) => {
    if (body.length === 0) done(null);
    else done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE());
  });
  adapter.getInstance().addHook('preClose', (done) => {
    isClosing = true;
    closeWhatIsAnswered(adapter.getHttpServer<Http2SecureServer>(), open);
    done();
  });
  return adapter;
}

function answerClosing(response: ServerResponse): void {
  response.setHeader('connection', 'close');
  answerStatus(response, 503, 'The service is stopping. Ask again, on another connection.');
}

/**
 * Closes each HTTP/1.1 connection that is idle, until the server has none left. Node.js does that once, when closing begins: who was answered later stayed.
 * And it takes who has not asked anything yet for busy, and stops looking for how long.
 */
function closeWhatIsAnswered(server: Http2SecureServer, open: ReadonlySet<TLSSocket>): void {
  // It never ends then.
  if (!server.listening) return;
  const begun = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - begun > SILENCE_MS) for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    (server as unknown as Pick<Server, 'closeIdleConnections'>).closeIdleConnections();
  }, CLOSING_INTERVAL_MS);
  server.once('close', () => {
    clearInterval(timer);
  });
}

/**
 * Gives requests their ids: the caller's own where that is harmless, else a random part of this process and a counter (a tenth of the cost of a
 * UUID).
 */
function requestIds(): (request: IncomingMessage) => string {
  const randomPart = randomBytes(6).toString('hex');
  let count = 0;
  return ({ headers: { [ID_HEADER]: given } }) =>
    typeof given === 'string' && REQUEST_ID.test(given) ? given : `${randomPart}-${(++count).toString(36)}`;
}

/**
 * Takes the media type off a request without a body: Fastify would wait for the body's end, of which Node.js says nothing (optimizeEmptyRequests). A body
 * without one gets that of RFC 9110 §8.3: Fastify would pass it over where its length is not told, as over HTTP/2. What comes of it is refused unless it is
 * empty.
 */
const withTypeOfBody =
  (handle: RequestListener): RequestListener =>
  (request, response) => {
    const { headers } = request;
    // Most requests have neither.
    if (!isEmpty(request)) headers['content-type'] ??= OCTETS;
    else if (headers['content-type'] !== undefined) delete headers['content-type'];
    handle(request, response);
  };

function isEmpty(request: IncomingMessage): boolean {
  const { stream } = request as Partial<Pick<Http2ServerRequest, 'stream'>>;
  return stream ? stream.endAfterHeaders : request.readableEnded;
}

function createListener(http: HttpLimits, tls: TlsOptions): Http2SecureServer {
  const server = createSecureServer({
    ...tls,
    allowHTTP1: true,
    // For a request without a body the stream's events would cost a twentieth of its whole time. A request that ends early is noticed when it is
    // answered.
    optimizeEmptyRequests: true,
    handshakeTimeout: http.handshakeTimeout,
    maxHeaderSize: http.maxHeaderSize,
    // Else a field with white space around its value is dropped without a word, a condition too.
    strictFieldWhitespaceValidation: false,
    ...STREAM_RESETS,
    connectionsCheckingInterval: Math.min(CHECKING_INTERVAL_MS, http.headersTimeout),
    settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: http.maxHeaderSize },
  } as Parameters<typeof createSecureServer>[0]);
  const { headersTimeout, requestTimeout, keepAliveTimeout, maxConnections } = http;
  // The HTTP/1.1 side of the server takes these options, though its type does not say so.
  Object.assign(server, { headersTimeout, requestTimeout, keepAliveTimeout, maxConnections, requireHostHeader: false });
  // An expectation that we do not know is ignored, as RFC 9110 §10.1.1 allows. Node.js itself would answer 417, past every guard.
  server.on('checkExpectation', (request, response) => {
    server.emit('request', request, response);
  });
  continueWhenRead(server);
  cutSlowClients(server, http);
  return server;
}
