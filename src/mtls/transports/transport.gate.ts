import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { from, isObservable, mergeMap, of, throwError, type Observable } from 'rxjs';
import { MtlsRefusal } from '../mtls.errors.js';
import { MtlsGate } from '../mtls.gate.js';
import { PeerVerifier } from '../peer-verifier.js';
import { problemOfRefusal } from '../refusal-problem.js';
import { RoutePolicies } from '../route-policies.service.js';
import { DEFAULT_ADMISSION, type Admission, type RoutePolicy } from '../route-policy.js';
import { gatewayOf, messageHandlersOf, type GatewayPolicy } from './handler-metadata.js';
import type { HandlerClass } from '../handler-methods.js';
import { callId, type TransportCall } from './transport-call.js';

/** What Nest hands over for each microservice that is connected: its strategy. */
interface MessageServer {
  readonly transportId?: unknown;
  addHandler(pattern: unknown, callback: (...args: never[]) => unknown, ...more: unknown[]): unknown;
}

/** A strategy with a door of its own: it gets the gate before it gets any handler. */
export interface GuardedServer extends MessageServer {
  guardBy(gate: TransportGate): void;
}

/**
 * Guards what comes over transports other than HTTP. It does not rely on Nest's guards, which a connected microservice lacks unless it inherits the
 * application's configuration. A strategy of this package asks here before it looks for a handler; every other strategy is given handlers that
 * refuse, except for public ones.
 */
@Injectable()
export class TransportGate implements OnModuleInit {
  readonly #logger = new Logger('Mtls');
  readonly #guardedPaths = new Set<string>();
  /** Origins of pages, besides the application's own, that may open WebSockets. */
  readonly origins = new Set<string>();
  #gateways: readonly GatewayPolicy[] | undefined;
  #started = false;

  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(MtlsGate) private readonly gate: MtlsGate,
    @Inject(PeerVerifier) private readonly verifier: PeerVerifier,
    @Inject(RoutePolicies) private readonly policies: RoutePolicies,
  ) {
    // In time for every microservice: this object is made with the application, and Nest announces a microservice before it gives it handlers.
    modules.getRpcTargetRegistry<MessageServer>().subscribe((server) => {
      if (isGuarded(server)) server.guardBy(this);
      else this.#closeServer(server);
    });
  }

  /**
   * Throws TypeError for a gateway that is not behind this package's adapter: its clients would connect before anybody asked who they are. A
   * microservice with `deferInitialization` starts every module again, and opens the gateways once more behind an adapter of its own.
   */
  onModuleInit(): void {
    const closed = this.gateways.filter(({ policy }) => !policy.public);
    if (this.#started && closed.length > 0)
      throw new TypeError('deferInitialization would open the gateways unguarded: connect the microservice without it');
    this.#started = true;
    const open = closed.find(({ path }) => !this.#guardedPaths.has(path));
    if (open)
      throw new TypeError(
        `the gateway ${open.name} is not guarded: call app.useWebSocketAdapter(new MtlsWsAdapter(app)), of veritas/mtls/ws, before the application starts`,
      );
  }

  /**
   * The policies of the handlers that a transport gets for `pattern`, in the form in which Nest gives it; several when several controllers have the
   * pattern. Throws TypeError where there is none, because a handler outside every controller has no decorators to go by.
   */
  policiesOf(pattern: unknown, transportId: unknown): readonly RoutePolicy[] {
    const handlers = [...this.modules.values()]
      .flatMap(({ controllers }) => [...controllers.values()])
      .flatMap(({ metatype }) => messageHandlersOf(metatype as HandlerClass, this.policies))
      .filter(({ transport }) => transport === undefined || transportId === undefined || transport === transportId)
      .filter(({ patterns }) => patterns.includes(pattern));
    if (handlers.length === 0) throw new TypeError('a handler of messages that is in no controller cannot be guarded');
    // A controller that is in two modules counts once.
    return [...new Set(handlers.map(({ policy }) => policy))];
  }

  /** The gateways of the application. */
  get gateways(): readonly GatewayPolicy[] {
    this.#gateways ??= [...this.modules.values()]
      .flatMap(({ providers }) => [...providers.values()])
      .filter(({ metatype }) => typeof metatype === 'function')
      .map(({ metatype }) => gatewayOf(metatype as HandlerClass, this.policies))
      .filter((gateway) => gateway !== undefined);
    return this.#gateways;
  }

  /** Records that the gateways at `path` are behind a door of this package. */
  guardPath(path: string): void {
    this.#guardedPaths.add(path);
  }

  /** Whether there may be somebody who takes an upgrade at `path`: a gateway, or where there is no door for gateways whoever listens for upgrades. */
  servesUpgrade(path: string | undefined): boolean {
    return this.#guardedPaths.size === 0 || (path !== undefined && this.#guardedPaths.has(path));
  }

  /**
   * Takes the headers in which a trusted proxy forwards a certificate off an upgrade or a call. Throws {@link MtlsRefusal} when anybody else sent
   * such a header.
   */
  takeForwarded(call: TransportCall): void {
    this.gate.takeForwarded(call);
  }

  /** The object by which the caller behind a call is remembered: its connection, or behind a proxy what stands for it. */
  holderOf(call: TransportCall): object | undefined {
    return this.verifier.holderOf(call);
  }

  /**
   * Lets a call pass, with the caller's identity on it, or throws {@link MtlsRefusal}. All of `policies` must allow it. Where there is none, because
   * no handler is known, it is closed like a handler without a decorator.
   */
  admit(call: TransportCall, policies: readonly RoutePolicy[]): void {
    const closed: readonly Admission[] = policies.length === 0 ? [DEFAULT_ADMISSION] : policies.filter(isClosed);
    const [first, ...others] = closed;
    if (!first) return;
    if (others.length === 0) this.gate.admit(call, first);
    else this.gate.admitByAll(call, [first, ...others]);
  }

  /** Checks a call again that was let pass and goes on: whether its caller may still call. Throws {@link MtlsRefusal}. */
  admitAgain(call: TransportCall, policies: readonly RoutePolicy[]): void {
    for (const policy of policies) if (isClosed(policy)) this.gate.admitAgain(call, policy);
  }

  /**
   * Runs a handler for a call that {@link admit} lets pass, and checks again before each answer: a handler that takes long, or answers often, is
   * ended when its caller may no longer call. A refusal becomes the transport's own error.
   */
  through(call: TransportCall, policies: readonly RoutePolicy[], run: () => unknown): Observable<unknown> {
    try {
      this.admit(call, policies);
    } catch (error) {
      return refused(call, error);
    }
    return from(Promise.resolve(run())).pipe(
      mergeMap((answer) => (isObservable(answer) ? answer : of(answer))),
      mergeMap((answer) => {
        try {
          this.admitAgain(call, policies);
        } catch (error) {
          return refused(call, error);
        }
        return of(answer);
      }),
    );
  }

  #closeServer(server: MessageServer): void {
    const transport = server.constructor.name;
    this.#logger.error({
      event: 'transport_not_guarded',
      transport,
      reason:
        'its messages are refused, but for public ones: connect MtlsTcpServer or MtlsGrpcServer as strategy instead',
    });
    const add = server.addHandler.bind(server);
    server.addHandler = (pattern, callback, ...more) => {
      const open = this.policiesOf(pattern, server.transportId).every((policy) => policy.public);
      return add(pattern, open ? callback : () => Promise.resolve(this.#refuse(transport)), ...more);
    };
  }

  #refuse(transport: string): Observable<never> {
    const requestId = callId();
    const problem = problemOfRefusal(this.gate.refuseTransport(transport, requestId), requestId);
    return throwError(() => problem);
  }
}

const isClosed = (policy: RoutePolicy): policy is Extract<RoutePolicy, { public: false }> => !policy.public;

const isGuarded = (server: MessageServer): server is GuardedServer => 'guardBy' in server;

function refused(call: TransportCall, error: unknown): Observable<never> {
  if (!(error instanceof MtlsRefusal)) throw error;
  if (error.endsConnection) call.connection.end(error);
  const told = call.errorOf(error);
  return throwError(() => told);
}
