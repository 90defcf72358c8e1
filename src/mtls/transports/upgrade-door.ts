import type { EventEmitter } from 'node:events';
import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Authorizer } from '../authorizer.js';
import type { GatewayPolicy } from './handler-metadata.js';
import { MtlsRefusal } from '../mtls.errors.js';
import { problemOfStatus } from '../problem.js';
import { RateLimited } from '../rates/rate-limiter.js';
import { problemOfRefusal } from '../refusal-problem.js';
import { DEFAULT_ADMISSION, leastOf, type RoutePolicy } from '../route-policy.js';
import { rememberCall, TransportCall } from './transport-call.js';
import { answerStatus, CONNECT_REFUSED, endWithProblem, owesAnswer, refuseConnect } from '../unreadable-request.js';
import type { TransportGate } from './transport.gate.js';

/**
 * Closes the ways by which a connection leaves HTTP: `Upgrade` (RFC 9110 §7.8), which WebSockets use, and `CONNECT`. Fastify does not see them, and
 * so no guard does, whoever listens for them. They need an allowed service like a route without a decorator, or what the gateway at that path asks
 * for. A refusal is answered in HTTP, and so is a `CONNECT` for which nobody listens.
 */
export function closeUpgrades(server: EventEmitter, gate: TransportGate): void {
  refuseConnect(server);
  const emit = server.emit.bind(server);
  const closing = (event: string | symbol, rest: readonly unknown[]): boolean => {
    if (event !== 'upgrade' && event !== 'connect') return emit(event, ...rest);
    const [request, socket] = rest as [IncomingMessage | Http2ServerRequest, Duplex];
    if (!(request instanceof IncomingMessage)) {
      // CONNECT over HTTP/2 (RFC 8441): nothing here speaks it, and it comes with a response in place of a socket of its own.
      const response = rest[1] as ServerResponse;
      response.setHeader('allow', '');
      answerStatus(response, 405, CONNECT_REFUSED);
      return true;
    }
    const ownListeners = event === 'connect' ? 1 : 0;
    if (server.listenerCount(event) === ownListeners) return emit(event, ...rest);
    // What is sent now would be taken for the answer to an earlier request; one that waits for its turn holds up what comes.
    if (owesAnswer(socket)) {
      socket.on('error', () => undefined).destroy();
      return true;
    }
    const call = admitted(request, socket, gate);
    if (!call) return true;
    // Nest's adapter would destroy the socket without a word.
    if (event === 'connect' || gate.servesUpgrade(call.routeOptions.url)) return emit(event, ...rest);
    endWithProblem(socket, problemOfStatus(404, call.id, 'there is no gateway at this path'));
    return true;
  };
  // Not by a listener: where nobody else listens, there is no upgrade, and with a listener Node.js would stop answering such requests as the plain
  // requests that they are.
  server.emit = (event: string | symbol, ...rest: unknown[]): boolean =>
    // Every request is such an event, too.
    event === 'request' ? emit(event, rest[0], rest[1]) : closing(event, rest);
}

function admitted(request: IncomingMessage, socket: Duplex, gate: TransportGate): TransportCall | undefined {
  const path = pathOf(request);
  const call = new TransportCall(
    {
      transport: 'WebSocket',
      raw: request,
      errorOf: problemOfRefusal,
      end: () => socket.destroy(),
    },
    path,
  );
  try {
    gate.takeForwarded(call);
    const policy = upgradePolicy(gate.gateways.filter((gateway) => gateway.path === path));
    gate.admit(call, policy.public ? [policy] : [policy, originPolicy(request, gate)]);
  } catch (error) {
    if (!(error instanceof MtlsRefusal)) throw error;
    answer(socket, error, call.id);
    return undefined;
  }
  rememberCall(request, call);
  return call;
}

/** The widest of the policies at a path: what a message needs is checked again with each message. */
function upgradePolicy(gateways: readonly GatewayPolicy[]): RoutePolicy {
  const least = leastOf(
    gateways.flatMap(({ policy, messages }) => [policy, ...messages.map((message) => message.policy)]),
  );
  if (least.public) return least;
  const [only, ...others] = gateways;
  if (only && others.length === 0 && !least.anyService) return only.policy;
  // What is only tried, or open to an expired certificate, may be so only for the messages that say so.
  return { ...least, allowExpired: false, shadow: false };
}

/**
 * A browser presents its client certificate for the page of any site, but names the page's origin (RFC 6455 §10.2). Programs name none. This is a
 * policy of its own beside that of the gateway, which may only be tried.
 */
function originPolicy({ headers: { origin, host } }: IncomingMessage, { origins }: TransportGate): RoutePolicy {
  const isForeign = origin !== undefined && origin !== `https://${String(host)}` && !origins.has(origin);
  const authorizer: Authorizer = () =>
    isForeign ? { allowed: false, reason: 'a page of another site may not connect' } : { allowed: true };
  return { ...DEFAULT_ADMISSION, public: false, anyService: true, authorizers: [authorizer] };
}

/** The path as the adapter reads it; undefined when it cannot be read. */
function pathOf({ url = '/' }: IncomingMessage): string | undefined {
  return URL.canParse(url, 'wss://localhost/') ? new URL(url, 'wss://localhost/').pathname : undefined;
}

function answer(socket: Duplex, refusal: MtlsRefusal, requestId: string): void {
  const more = refusal instanceof RateLimited ? [`Retry-After: ${refusal.retryAfter}`] : [];
  endWithProblem(socket, problemOfRefusal(refusal, requestId), more);
}
