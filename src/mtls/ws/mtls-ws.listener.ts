import type { IncomingMessage } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import type { MessageMappingProperties } from '@nestjs/websockets';
import { filter, ignoreElements, takeWhile, tap, type Observable } from 'rxjs';
import type { MessageEvent, WebSocket, WebSocketServer } from 'ws';
import type { VerifiedClientIdentity } from '../client-identity.js';
import { LiveConnections } from '../live-connections.js';
import { MtlsRefusal } from '../mtls.errors.js';
import type { RoutePolicy } from '../route-policy.js';
import { gatewayPath } from '../transports/handler-metadata.js';
import { callOf, rememberCall, TransportCall, type TransportConnection } from '../transports/transport-call.js';
import { TransportGate } from '../transports/transport.gate.js';

/** The close code for a message that violates a policy (RFC 6455 §7.4.1). */
const POLICY_VIOLATION = 1008;
const MAX_PAYLOAD = 131_072;
/** How much may wait for a client that asks and does not read. */
const SEND_BUFFER_OCTETS = 16 * 1024 * 1024;
const CLOSE_GRACE_MS = 5_000;
const PING_INTERVAL_MS = 30_000;
/** Refusals that say nothing about the next message. */
const OF_ONE_MESSAGE: ReadonlySet<string> = new Set(['route_not_allowed', 'rate_limited']);

interface Client {
  readonly connection: TransportConnection;
  readonly path: string;
  /** The last message: its number, its event, and whether its handlers may run. */
  asked?: { readonly number: number; readonly event: string; readonly passes: boolean } & Asked;
}

/** A message with the policies that it was asked about by. */
interface Asked {
  readonly call: TransportCall;
  readonly policies: readonly RoutePolicy[];
}

/** Who opened a WebSocket: for `handleConnection(client)`. Undefined where the gateway is public, and for a socket of another adapter. */
export function identityOfClient(client: object): VerifiedClientIdentity | undefined {
  return callOf([client])?.clientIdentity;
}

/**
 * Nest's adapter for `ws`, with the guard's door in it: the upgrade is refused in HTTP to whoever may not connect, and each message asks again, by the
 * decorators of its handler. A refusal is a frame `{"event":"exception","data":…}` with the problem document; when the caller's certificate is of
 * no more use the connection is closed with 1008. Gateways share the application's HTTPS server: one with a port of its own has no TLS, and is an
 * error.
 *
 * ```ts
 * app.useWebSocketAdapter(new MtlsWsAdapter(app));
 * ```
 */
export class MtlsWsAdapter extends WsAdapter {
  readonly #gate: TransportGate;
  readonly #live: LiveConnections;
  readonly #pingInterval: number;
  readonly #paths = new WeakMap<object, string>();
  readonly #clients = new WeakMap<object, Client>();
  /** How many messages each gateway has seen from each of its clients, by the map of handlers that it keeps for that client. */
  readonly #seen = new WeakMap<object, number>();

  /**
   * `origins`: where pages that connect may come from, besides the application's own origin, such as `https://app.example.org`. `pingInterval`: how
   * often each client is pinged, in milliseconds, by default 30 000; one from which nothing came since the last time is cut. Throws RangeError for an
   * interval that no timer can wait for.
   */
  constructor(
    app: INestApplicationContext,
    {
      origins = [],
      pingInterval = PING_INTERVAL_MS,
      ...options
    }: ConstructorParameters<typeof WsAdapter>[1] & {
      readonly origins?: readonly string[];
      readonly pingInterval?: number;
    } = {},
  ) {
    super(app, options);
    // A timer takes what is no number, and what is too large a one, for a millisecond: every client would be cut.
    if (!(typeof pingInterval === 'number' && pingInterval > 0 && pingInterval < 2 ** 31))
      throw new RangeError(`pingInterval is no number of milliseconds: ${String(pingInterval)}`);
    this.#pingInterval = pingInterval;
    this.#gate = app.get(TransportGate, { strict: false });
    this.#live = app.get(LiveConnections, { strict: false });
    for (const origin of origins) this.#gate.origins.add(origin);
  }

  override create(port: number, options: { readonly path?: string } = {}): WebSocketServer {
    if (port !== 0)
      throw new TypeError(
        `a gateway on port ${port} would have no TLS: leave the port out, so that it shares the HTTPS server`,
      );
    const path = gatewayPath(options.path);
    this.#gate.guardPath(path);
    const server = super.create(port, { maxPayload: MAX_PAYLOAD, ...options }) as WebSocketServer;
    this.#paths.set(server, path);
    return server;
  }

  override bindClientConnect(
    server: WebSocketServer,
    callback: (client: WebSocket, request: IncomingMessage) => void,
  ): void {
    server.on('connection', (client, request) => {
      this.#remember(client, request, this.#paths.get(server) ?? '');
      callback(client, request);
    });
  }

  override bindMessageHandler(
    event: MessageEvent,
    handlers: Map<string, MessageMappingProperties>,
    transform: (data: unknown) => Observable<unknown>,
  ): Observable<unknown> {
    const { target } = event;
    const answers = super.bindMessageHandler(event, this.#doorOf(target, handlers), transform) as Observable<unknown>;
    const asked = this.#clients.get(target)?.asked;
    return answers.pipe(
      takeWhile(
        () => !asked || this.#passes(target, asked.call, () => this.#gate.admitAgain(asked.call, asked.policies)),
      ),
      filter((answer) => isTaking(target) && answer !== undefined && answer !== null),
      tap((answer) => {
        sendTo(target, answer);
      }),
      // Nest ends the process where an answer cannot be written as JSON. From here it only logs that.
      ignoreElements(),
    );
  }

  #remember(client: WebSocket, request: IncomingMessage, path: string): void {
    if (this.#clients.has(client)) return;
    const opened = callOf([request]);
    if (!opened) throw new TypeError('a WebSocket was opened past the door');
    const { connection } = opened;
    connection.end = (refusal) => {
      refuse(client, new TransportCall(connection, undefined), refusal);
      client.close(POLICY_VIOLATION, refusal.code);
      const cut = setTimeout(() => client.terminate(), CLOSE_GRACE_MS).unref();
      client.once('close', () => {
        clearTimeout(cut);
      });
    };
    const holder = this.#gate.holderOf(opened);
    // The client behind a proxy. Whoever holds the connection is tracked already.
    if (holder && holder !== request.socket) this.#live.track(request.socket, holder);
    this.#live.tellWith(request.socket, connection.end);
    // ws itself answers each ping.
    client.on('ping', () => isTaking(client));
    cutWhenSilent(client, request, this.#pingInterval);
    this.#clients.set(client, { connection, path });
    rememberCall(client, opened);
  }

  /** Nest looks up a message's handler in a map: it finds the handler only when the caller may use it. */
  #doorOf(client: WebSocket, handlers: Map<string, MessageMappingProperties>): Map<string, MessageMappingProperties> {
    const find = (event: string): MessageMappingProperties | undefined => {
      const handler = handlers.get(event);
      const known = this.#clients.get(client);
      const number = (this.#seen.get(handlers) ?? 0) + 1;
      this.#seen.set(handlers, number);
      if (!known) return undefined;
      const policies = this.#policiesOf(known.path, event);
      if (handler && policies.length === 0)
        throw new TypeError('a handler of messages that is in no gateway cannot be guarded');
      // Several gateways at one path see each message: the first one asks, for all of them.
      if (known.asked?.number !== number || known.asked.event !== event) {
        const call = new TransportCall(known.connection, policies.length > 0 ? event : undefined);
        const passes = this.#passes(client, call, () => this.#gate.admit(call, policies));
        if (passes && call.clientIdentity) rememberCall(client, call);
        known.asked = { number, event, passes, call, policies };
      }
      return known.asked.passes ? handler : undefined;
    };
    return new (class extends Map<string, MessageMappingProperties> {
      override get(event: string): MessageMappingProperties | undefined {
        return find(event);
      }
    })();
  }

  /** `ask` throws {@link MtlsRefusal} when the call may not go on. The client is told. */
  #passes(client: WebSocket, call: TransportCall, ask: () => void): boolean {
    const identified = identityOfClient(client) !== undefined;
    try {
      ask();
    } catch (error) {
      if (!(error instanceof MtlsRefusal)) throw error;
      if (error.endsConnection || (identified && !OF_ONE_MESSAGE.has(error.code))) call.connection.end(error);
      else refuse(client, call, error);
      return false;
    }
    return true;
  }

  #policiesOf(path: string, event: string): readonly RoutePolicy[] {
    return this.#gate.gateways
      .filter((gateway) => gateway.path === path)
      .flatMap(({ messages }) => messages)
      .filter((message) => message.event === event)
      .map(({ policy }) => policy);
  }
}

/** Whether a client takes what it is sent. One that does not is cut. */
function isTaking(client: WebSocket): boolean {
  if (client.bufferedAmount <= SEND_BUFFER_OCTETS) return true;
  client.terminate();
  return false;
}

/** Whoever is there answers each ping. A host that is gone would keep its connection for ever. */
function cutWhenSilent(client: WebSocket, { socket }: IncomingMessage, interval: number): void {
  let seen: number | undefined;
  const look = (): void => {
    if (!client.isPaused && socket.bytesRead === seen) client.terminate();
    else client.ping();
    // What its application does not read does not count as missing.
    seen = client.isPaused ? undefined : socket.bytesRead;
  };
  // After what has come was read: this process may have been at a standstill itself.
  const timer = setInterval(() => setImmediate(look), interval).unref();
  client.once('close', () => {
    clearInterval(timer);
  });
}

function refuse(client: WebSocket, call: TransportCall, refusal: MtlsRefusal): void {
  if (isTaking(client)) sendTo(client, { event: 'exception', data: call.errorOf(refusal) });
}

function sendTo(client: WebSocket, frame: unknown): void {
  if (client.readyState === client.OPEN) client.send(JSON.stringify(frame));
}
