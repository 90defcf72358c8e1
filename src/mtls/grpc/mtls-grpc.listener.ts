import type { EventEmitter } from 'node:events';
import type { Http2ServerRequest, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { createServer, type Server as TlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import {
  experimental,
  Metadata,
  Server as GrpcServer,
  ServerCredentials,
  ServerInterceptingCall,
  status as Status,
  type ConnectionInjector,
  type ServerDuplexStream,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import {
  ServerGrpc,
  type CustomTransportStrategy,
  type GrpcMethodStreamingType,
  type GrpcOptions,
  type MessageHandler,
} from '@nestjs/microservices';
import { MtlsRefusal } from '../mtls.errors.js';
import { problemOfRefusal } from '../refusal-problem.js';
import { closeSession } from '../refusal-reply.js';
import { RateLimited } from '../rates/rate-limiter.js';
import type { RoutePolicy } from '../route-policy.js';
import { checkLimits } from '../transports/checked-limits.js';
import { endHandshake } from '../transports/end-handshake.js';
import { rememberCall, TransportCall, type TransportConnection } from '../transports/transport-call.js';
import type { GuardedServer, TransportGate } from '../transports/transport.gate.js';

/** Options of {@link MtlsGrpcServer}: Nest's, except for the address and the credentials. */
export interface MtlsGrpcOptions extends Omit<GrpcOptions['options'], 'url' | 'credentials'> {
  readonly host?: string;
  readonly port?: number;
  /**
   * Certificate, key and whatever else `tls.createServer` takes. A client certificate is asked for, and the calls of a client that presents none are
   * refused.
   */
  readonly tls: TlsOptions;
  /** Default 10 000. */
  readonly maxConnections?: number;
}

// The limits of the grpc-js server, unless the application sets others.
const LIMITS = {
  'grpc.max_receive_message_length': 131_072,
  'grpc.max_concurrent_streams': 128,
  'grpc.max_connection_idle_ms': 600_000,
  // A connection with an open stream is never idle: a host that is gone would keep it for ever.
  'grpc.keepalive_time_ms': 30_000,
};

/** Parts of grpc-js below its documented surface that the door needs; there is no other way to get at them. */
interface MethodLookup {
  _retrieveHandler: (path: string) => object | null;
}
type ServiceMethod = (call: EventEmitter, answer?: (error: unknown) => void) => Promise<unknown>;
interface CallOnStream extends ServerInterceptingCallInterface {
  readonly stream?: ServerHttp2Stream;
}

/**
 * Nest's gRPC transport over mutual TLS, with the guard's door in it: no call reaches a handler, and nobody hears whether a method exists, before
 * the caller is known to be allowed; every message of a stream is asked about again. The TLS is Node.js' own: grpc-js can only refuse whoever has
 * no trusted certificate in the handshake, without a word, and believes a resumed session.
 *
 * ```ts
 * app.connectMicroservice<MicroserviceOptions>({
 *   strategy: new MtlsGrpcServer({ port: 5901, package: 'orders', protoPath: 'orders.proto', tls: { cert, key, ca } }),
 * });
 * ```
 */
export class MtlsGrpcServer extends ServerGrpc implements CustomTransportStrategy, GuardedServer {
  readonly #options: MtlsGrpcOptions;
  readonly #listener: TlsServer;
  readonly #sockets = new Set<TLSSocket>();
  readonly #handlers = new WeakMap<object, readonly RoutePolicy[]>();
  readonly #policies = new Map<string, readonly RoutePolicy[]>();
  #injector: ConnectionInjector | undefined;
  #gate: TransportGate | undefined;

  /** Throws RangeError for a limit that is no number from 1. */
  constructor(options: MtlsGrpcOptions) {
    const { maxConnections = 10_000 } = options;
    checkLimits({ maxConnections });
    super(options);
    this.#options = options;
    this.#listener = createServer(
      { handshakeTimeout: 10_000, rejectUnauthorized: false, ...options.tls, requestCert: true, ALPNProtocols: ['h2'] },
      (socket) => {
        this.#take(socket);
      },
    );
    this.#listener.maxConnections = maxConnections;
    this.#listener.on('tlsClientError', endHandshake);
  }

  /** Called with the application's gate when the microservice is connected. */
  guardBy(gate: TransportGate): void {
    this.#gate = gate;
  }

  /** The TLS server: for its address, and for new certificates by `setSecureContext`. */
  get listener(): TlsServer {
    return this.#listener;
  }

  override addHandler(pattern: unknown, callback: MessageHandler, isEventHandler = false): void {
    this.#handlers.set(callback, this.#guard.policiesOf(pattern, this.transportId));
    super.addHandler(pattern, callback, isEventHandler);
  }

  override createServiceMethod(
    handler: object,
    method: { readonly path: string },
    streaming: GrpcMethodStreamingType,
  ): ReturnType<ServerGrpc['createServiceMethod']> {
    // A method has two names, and may have a handler under each.
    const others = this.#policies.get(method.path) ?? [];
    this.#policies.set(method.path, [...new Set([...others, ...(this.#handlers.get(handler) ?? [])])]);
    const serve = super.createServiceMethod(handler as () => unknown, method, streaming) as ServiceMethod;
    // Nest leaves it to nobody, which ends the process, that a handler which takes the stream itself has failed.
    return (call: EventEmitter, answer?: (error: unknown) => void) =>
      serve(call, answer).catch((error: unknown) => {
        if (answer) answer(error);
        else call.emit('error', error);
      });
  }

  override async createClient(): Promise<GrpcServer> {
    const { maxSendMessageLength, maxReceiveMessageLength, maxMetadataSize, channelOptions, host, port } =
      this.#options;
    const server = new GrpcServer({
      ...LIMITS,
      ...channelOptions,
      ...(maxSendMessageLength ? { 'grpc.max_send_message_length': maxSendMessageLength } : {}),
      ...(maxReceiveMessageLength ? { 'grpc.max_receive_message_length': maxReceiveMessageLength } : {}),
      ...(maxMetadataSize ? { 'grpc.max_metadata_size': maxMetadataSize } : {}),
      ...this.getKeepaliveOptions(),
    });
    closeUnknownMethods(server);
    const credentials = experimental.createServerCredentialsWithInterceptors(ServerCredentials.createInsecure(), [
      this.#door,
    ]);
    this.#injector = server.createConnectionInjector(credentials);
    await new Promise<void>((resolve, reject) => {
      this.#listener.once('error', reject);
      this.#listener.listen(port ?? 0, host ?? '0.0.0.0', () => {
        this.#listener.off('error', reject);
        resolve();
      });
    });
    return server;
  }

  override async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#listener.close(resolve));
    await super.close();
    // grpc-js waits only for connections that it accepted itself.
    if (this.#options.gracefulShutdown) await ended;
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(socket: TLSSocket): void {
    socket.on('error', () => undefined);
    if (socket.alpnProtocol !== 'h2' || !this.#injector || !this.#listener.listening) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#injector.injectConnection(socket);
  }

  get #guard(): TransportGate {
    if (!this.#gate) throw new TypeError('MtlsGrpcServer has no guard: import MtlsModule into the application');
    return this.#gate;
  }

  /** Stands before every method, and between its messages. */
  readonly #door: ServerInterceptor = ({ path }, inner) => {
    const policies = this.#policies.get(path);
    const session = (inner as CallOnStream).stream?.session as ServerHttp2Session | undefined;
    let ended = false;
    let call: TransportCall | undefined;
    const passes = (metadata?: Metadata): boolean => {
      if (ended) return false;
      try {
        if (!session) throw new MtlsRefusal('validation_failed', 'the connection of the call cannot be found');
        if (call) {
          this.#guard.admitAgain(call, policies ?? []);
        } else {
          call = new TransportCall(this.#connectionOf(session, metadata), policies && path);
          this.#guard.takeForwarded(call);
          if (metadata) takeMissing(metadata, call.raw.headers);
          this.#guard.admit(call, policies ?? []);
        }
        return true;
      } catch (error) {
        if (!(error instanceof MtlsRefusal)) throw error;
        ended = true;
        inner.sendStatus(statusOf(error, call?.id ?? ''));
        if (error.endsConnection && session) closeSession(session);
        return false;
      }
    };
    // Nest keeps what a peer asks for and does not take: so a peer with answers to take is not read further, as by other servers of gRPC.
    let waiting = 0;
    let held: (() => void) | undefined;
    const send = inner.sendMessage.bind(inner);
    inner.sendMessage = (answer, sent) => {
      waiting++;
      send(answer, () => {
        waiting--;
        sent();
        if (held) setImmediate(release);
      });
    };
    const release = (): void => {
      if (waiting > 0) return;
      const take = held;
      held = undefined;
      take?.();
    };
    return new ServerInterceptingCall(inner, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, pass) => {
            if (!passes(metadata)) return;
            if (call) rememberCall(metadata, call);
            pass(metadata);
          },
          onReceiveMessage: (message, pass) => {
            held = () => {
              if (passes()) pass(message);
            };
            release();
          },
          onReceiveHalfClose: (pass) => {
            if (!ended) pass();
          },
        });
      },
      sendMessage: (message, pass) => {
        if (passes()) pass(message);
      },
      sendStatus: (status, pass) => {
        if (!ended) pass(status);
      },
    });
  };

  /** For one call: with each call a proxy forwards the certificate of another client. */
  #connectionOf(session: ServerHttp2Session, metadata = new Metadata()): TransportConnection {
    const headers: Record<string, unknown> = metadata.getMap();
    const rawHeaders = Object.keys(headers).flatMap((name) =>
      metadata.get(name).flatMap((value) => [name, String(value)]),
    );
    return {
      transport: 'gRPC',
      // The parts of an HTTP/2 request that are looked at; grpc-js makes no request object.
      raw: { stream: { session }, headers, rawHeaders } as unknown as Http2ServerRequest,
      errorOf: statusOf,
      end: () => {
        closeSession(session);
      },
    };
  }
}

/** Removes from the metadata what was taken off the headers that were made from it. */
function takeMissing(metadata: Metadata, headers: object): void {
  for (const name of Object.keys(metadata.getMap())) if (!(name in headers)) metadata.remove(name);
}

const CODES: Readonly<Record<number, Status>> = {
  400: Status.UNAUTHENTICATED,
  401: Status.UNAUTHENTICATED,
  403: Status.PERMISSION_DENIED,
  429: Status.RESOURCE_EXHAUSTED,
};

/** A refusal as a gRPC status: its sentence as details, its code and the request's id in the trailing metadata. */
function statusOf(refusal: MtlsRefusal, requestId: string): { code: Status; details: string; metadata: Metadata } {
  const { code, detail } = problemOfRefusal(refusal, requestId);
  const metadata = new Metadata();
  metadata.set('code', code);
  metadata.set('request_id', requestId);
  // What a client with a retry policy follows (gRPC proposal A6).
  if (refusal instanceof RateLimited) metadata.set('grpc-retry-pushback-ms', String(refusal.retryAfter * 1000));
  return { code: CODES[refusal.status] ?? Status.INTERNAL, details: detail, metadata };
}

/**
 * grpc-js answers a call of an unknown method before any interceptor. So each unknown method gets a handler, behind the same door, that says that it
 * is not implemented.
 */
function closeUnknownMethods(server: GrpcServer): void {
  const lookup = server as unknown as MethodLookup;
  if (typeof lookup._retrieveHandler !== 'function')
    throw new TypeError('this version of @grpc/grpc-js is not known to MtlsGrpcServer: install 1.14');
  const retrieve = lookup._retrieveHandler.bind(server);
  lookup._retrieveHandler = (path) => retrieve(path) ?? unknownMethod(path);
}

function unknownMethod(path: string): object {
  const octets = (value: Buffer): Buffer => value;
  return {
    path,
    type: 'bidi',
    serialize: octets,
    deserialize: octets,
    func: (stream: ServerDuplexStream<Buffer, Buffer>) => {
      stream.emit('error', { code: Status.UNIMPLEMENTED, details: 'The server does not implement this method' });
    },
  };
}
