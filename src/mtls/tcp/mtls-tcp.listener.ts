import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import {
  JsonSocket,
  ServerTCP,
  type CustomTransportStrategy,
  type MessageHandler,
  type MsPattern,
  type TcpContext,
} from '@nestjs/microservices';
import { InvalidTcpDataReceptionException } from '@nestjs/microservices/errors/invalid-tcp-data-reception.exception.js';
import { MaxPacketLengthExceededException } from '@nestjs/microservices/errors/max-packet-length-exceeded.exception.js';
import { ReplaySubject, takeUntil, throwError, type Observable } from 'rxjs';
import { problemOfStatus } from '../problem.js';
import { problemOfRefusal } from '../refusal-problem.js';
import type { RoutePolicy } from '../route-policy.js';
import { checkLimits } from '../transports/checked-limits.js';
import { endHandshake } from '../transports/end-handshake.js';
import { rememberCall, TransportCall, type TransportConnection } from '../transports/transport-call.js';
import type { GuardedServer, TransportGate } from '../transports/transport.gate.js';

/** Options of {@link MtlsTcpServer}. */
export interface MtlsTcpOptions {
  readonly host?: string;
  readonly port?: number;
  /**
   * Certificate, key and whatever else `tls.createServer` takes. A client certificate is asked for, and the calls of a client that presents none are
   * refused.
   */
  readonly tls: TlsOptions;
  /** The most characters in a message. Default 131 072. */
  readonly maxMessageSize?: number;
  /** Default 10 000. */
  readonly maxConnections?: number;
  /** How long a connection may be silent, in milliseconds. Default ten minutes. */
  readonly idleTimeout?: number;
  /** How long a client may take to send a whole message, in milliseconds. Default 30 000. */
  readonly messageTimeout?: number;
}

const CLOSE_GRACE_MS = 5_000;
const SEND_BUFFER_OCTETS = 16 * 1024 * 1024;
/** The most that Node.js reads from a socket at once. */
const READ_OCTETS = 65_536;
/** How many messages of one connection are handed on before others have their turn. */
const MESSAGES_A_TURN = 32;
const LOG_INTERVAL_MS = 1_000;
const LOGGED_CHARACTERS = 256;
// A client that went away is not worth a line.
const GONE = /ECONNRESET|EPIPE/;

/**
 * Nest's TCP transport over mutual TLS, with the guard's door in it: no message reaches a handler, and nobody hears whether there is one, before
 * the caller is known to be allowed.
 *
 * ```ts
 * app.connectMicroservice<MicroserviceOptions>({ strategy: new MtlsTcpServer({ port: 5900, tls: { cert, key, ca } }) });
 * ```
 */
export class MtlsTcpServer extends ServerTCP implements CustomTransportStrategy, GuardedServer {
  readonly #policies = new Map<string, readonly RoutePolicy[]>();
  readonly #connections = new WeakMap<object, TransportConnection>();
  readonly #closings = new WeakMap<object, Observable<void>>();
  readonly #maxMessageSize: number;
  readonly #idleTimeout: number;
  readonly #messageTimeout: number;
  #gate: TransportGate | undefined;
  #loggedAt = Number.NEGATIVE_INFINITY;

  /** Throws RangeError for a limit that is no number from 1. */
  constructor({
    host = '0.0.0.0',
    port = 0,
    tls,
    maxMessageSize = 131_072,
    maxConnections = 10_000,
    idleTimeout = 600_000,
    messageTimeout = 30_000,
  }: MtlsTcpOptions) {
    checkLimits({ maxMessageSize, maxConnections, idleTimeout, messageTimeout });
    super({
      host,
      port,
      tlsOptions: { handshakeTimeout: 10_000, rejectUnauthorized: false, ...tls, requestCert: true },
    });
    this.#maxMessageSize = maxMessageSize;
    this.#idleTimeout = idleTimeout;
    this.#messageTimeout = messageTimeout;
    this.server.maxConnections = maxConnections;
    this.server.on('tlsClientError', endHandshake);
  }

  /** Called with the application's gate when the microservice is connected. */
  guardBy(gate: TransportGate): void {
    this.#gate = gate;
  }

  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    const route = this.normalizePattern(pattern as MsPattern);
    const policies = this.#guard.policiesOf(pattern, this.transportId);
    // Called again for each controller that has the pattern, each time with the same policies.
    this.#policies.set(route, [...new Set([...(this.#policies.get(route) ?? []), ...policies])]);
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  /** Called by Nest for each message: gives the handler behind its door, or a door with nothing behind it. */
  override getHandlerByPattern(pattern: string): MessageHandler {
    const route = this.getRouteFromPattern(pattern);
    const handler = super.getHandlerByPattern(pattern);
    const policies = this.#policies.get(route) ?? [];
    return (data: unknown, context: TcpContext) => {
      const call = new TransportCall(this.#connectionOf(context), handler ? route : undefined);
      rememberCall(context, call);
      const run = (): unknown =>
        handler
          ? handler(data, context)
          : throwError(() => problemOfStatus(404, call.id, 'there is no handler for this pattern'));
      // Nest goes on with answers that nobody takes any more.
      const closed = this.#closingOf(context.getSocketRef().netSocket);
      return Promise.resolve(this.#guard.through(call, policies, run).pipe(takeUntil(closed)));
    };
  }

  override bindHandler(socket: Socket): void {
    // Its handshake was under way when the server was closed, and Nest has ended those that were open then.
    if (!this.server.listening) {
      socket.destroy();
      return;
    }
    socket.setTimeout(this.#idleTimeout, () => socket.destroy());
    // Nest passes only the text of what is wrong with a packet.
    socket.on('error', (error: Error | string) => {
      this.#report(error);
    });
    // Nest ends its own side only.
    socket.once('error', () => {
      endSoon(socket);
    });
    super.bindHandler(socket);
  }

  protected override getSocketInstance(socket: Socket): MessageSocket {
    return new MessageSocket(socket, this.#maxMessageSize, this.#messageTimeout);
  }

  /** Nest's own method reports only two errors, and waits for ever on the others. */
  override listen(callback: (error?: unknown) => void): void {
    if (!this.#gate) {
      callback(noGuard());
      return;
    }
    this.server.once('error', callback);
    this.server.listen(this.port, this.host, () => {
      this.server.off('error', callback);
      callback();
    });
  }

  protected override handleError(error: string | Error): void {
    // It says less than #report was told about the same error.
    if (!(error instanceof InvalidTcpDataReceptionException)) this.#report(error);
  }

  /** Anybody can send what is no message: one line a second is logged, and not the whole text. */
  #report(error: string | Error): void {
    const now = performance.now();
    const reason = typeof error === 'string' ? error : error.message;
    if (now - this.#loggedAt < LOG_INTERVAL_MS || GONE.test(reason)) return;
    this.#loggedAt = now;
    this.logger.warn({ event: 'message_failed', reason: reason.slice(0, LOGGED_CHARACTERS) });
  }

  get #guard(): TransportGate {
    if (!this.#gate) throw noGuard();
    return this.#gate;
  }

  /** Emits at the end of a connection, also to those who subscribe after it. */
  #closingOf(socket: Socket): Observable<void> {
    let closing = this.#closings.get(socket);
    if (!closing) {
      const closed = new ReplaySubject<void>(1);
      const close = (): void => {
        closed.next();
      };
      if (socket.closed) close();
      else socket.once('close', close);
      this.#closings.set(socket, (closing = closed));
    }
    return closing;
  }

  #connectionOf(context: TcpContext): TransportConnection {
    const socket = context.getSocketRef().netSocket;
    let connection = this.#connections.get(socket);
    if (!connection) {
      connection = {
        transport: 'TCP',
        raw: new IncomingMessage(socket),
        errorOf: problemOfRefusal,
        end: () => {
          endSoon(socket);
        },
      };
      this.#connections.set(socket, connection);
    }
    return connection;
  }
}

/**
 * Nest's bound is on all that is buffered: on a message together with what came behind it in the same read. So it is wider here by a read, and each
 * message is measured by itself. And Nest hands on all messages of a read at once: 16 000 of four octets, which would hold up everybody else. And its
 * bound on the time of a message begins again with each octet.
 */
class MessageSocket extends JsonSocket {
  readonly #maxMessageSize: number;
  readonly #messageTimeout: number;
  /** Runs while a message has begun and is not whole. */
  #timer: NodeJS.Timeout | undefined;
  /** Those that have to wait for their turn. Meanwhile nothing is read. */
  readonly #waiting: string[] = [];
  /** How many were handed on in this turn. */
  #count = 0;

  constructor(socket: Socket, maxMessageSize: number, messageTimeout: number) {
    super(socket, {
      maxBufferSize: maxMessageSize + READ_OCTETS,
      maxSendBufferSize: SEND_BUFFER_OCTETS,
      incompleteMessageTimeout: 0,
    });
    this.#maxMessageSize = maxMessageSize;
    this.#messageTimeout = messageTimeout;
    socket.once('close', () => {
      clearTimeout(this.#timer);
    });
    // Nest reads on whenever the peer has taken its answers.
    socket.on('resume', () => {
      if (this.#waiting.length > 0) socket.pause();
    });
  }

  protected override handleData(data: Buffer | string): void {
    this.#count = 0;
    super.handleData(data);
    const { buffer, contentLength } = this as unknown as Unfinished;
    if (buffer === '' && contentLength === null) return;
    this.#timer ??= setTimeout(() => {
      this.handleDataError(new Error(`a message was not whole within ${this.#messageTimeout} ms`), { destroy: true });
    }, this.#messageTimeout).unref();
  }

  protected override emitMessage(message: string): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (message.length > this.#maxMessageSize) throw new MaxPacketLengthExceededException(message.length);
    if (this.#waiting.length === 0 && this.#count++ < MESSAGES_A_TURN) {
      super.emitMessage(message);
      return;
    }
    if (this.#waiting.push(message) > 1) return;
    this.socket.pause();
    setImmediate(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    if (this.socket.destroyed) return;
    // As Nest does: nothing is asked for a peer that takes no answers.
    if (this.socket.writableNeedDrain) {
      this.socket.once('drain', this.#nextTurn);
      return;
    }
    try {
      for (const message of this.#waiting.splice(0, MESSAGES_A_TURN)) super.emitMessage(message);
    } catch (error) {
      this.#waiting.length = 0;
      this.handleDataError(error);
    }
    if (this.#waiting.length > 0) setImmediate(this.#nextTurn);
    else this.socket.resume();
  };
}

/** What Nest has of a message that is not whole yet. */
interface Unfinished {
  readonly buffer: string;
  readonly contentLength: number | null;
}

const noGuard = (): TypeError => new TypeError('MtlsTcpServer has no guard: import MtlsModule into the application');

/** Ends the socket after the answer, which Nest writes in the next tick. */
function endSoon(socket: Socket): void {
  setImmediate(() => socket.end());
  const cut = setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref();
  socket.once('close', () => {
    clearTimeout(cut);
  });
}
