import type { EventEmitter } from 'node:events';
import {
  Global,
  Inject,
  Logger,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { CrlRevocation, revocationModeOf, statusFrom, type CrlEvent } from '../revocation/index.js';
import { asksForCertificates, nodeVersionProblem } from '../tls/index.js';
import { askedInVain } from './asked-in-vain.js';
import { services } from './authorizer.js';
import { checkOptions } from './checked-options.js';
import { DecisionCounts } from './decision-counts.js';
import { FederatedTrust, type BundleEvent } from './federation/federated-trust.js';
import { ClientIdentityInterceptor } from './client-identity.interceptor.js';
import { ForwardedCertificates } from './forwarded/forwarded-certificates.js';
import { TrustedProxies } from './forwarded/trusted-proxies.js';
import { LiveConnections } from './live-connections.js';
import { lineOf } from './log-line.js';
import { MtlsGate } from './mtls.gate.js';
import { MtlsGuard } from './mtls.guard.js';
import type { HandlerClass } from './handler-methods.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './mtls.module-definition.js';
import type { MtlsOptions } from './mtls.options.js';
import { PEER_OF, peerOfSocket, type PeerOf } from './peer-certificate.js';
import { PeerVerifier } from './peer-verifier.js';
import { shareRates } from './rates/rate-exchange.js';
import { RateLimiter } from './rates/rate-limiter.js';
import { RefusalFilter } from './refusal.filter.js';
import { RoutePolicies } from './route-policies.service.js';
import { ServiceRoles } from './service-roles.js';
import { TransportGate } from './transports/transport.gate.js';
import { closeUpgrades } from './transports/upgrade-door.js';
import { everyCa, readTrustAnchors, type CurrentTrust } from './trust-anchors.js';
import { refuseUnknownMethods } from './unreadable-request.js';
import { closeUnseenRoutes } from './unseen-routes.js';

const CURRENT_TRUST = Symbol('veritas:CurrentTrust');
const logger = new Logger('Mtls');
// The service passes on what its configuration says.
const OFF = '`off` stands in mtls.revocation of the configuration, or in revocation.mode of MtlsModule.forRoot';
const ABSENT = 'MtlsModule.forRoot has no option revocation';

/**
 * Mutual-TLS identity for a NestJS application on Fastify: from here on every route, known or not, needs the certificate of an allowed
 * service, unless it carries `@Public()` or its path is exempt.
 *
 * ```ts
 * @Module({ imports: [MtlsModule.forRoot({ trustAnchors, services: ['orders', 'billing'] })] })
 * ```
 */
@Global()
@Module({
  providers: [
    // forRoot puts its own in the place of this one.
    { provide: MODULE_OPTIONS_TOKEN, useFactory: importedAsClass },
    { provide: FederatedTrust, inject: [MODULE_OPTIONS_TOKEN], useFactory: federatedTrust },
    {
      provide: CURRENT_TRUST,
      inject: [FederatedTrust],
      useFactory: ({ current }: FederatedTrust): CurrentTrust => current,
    },
    { provide: CrlRevocation, inject: [MODULE_OPTIONS_TOKEN, CURRENT_TRUST], useFactory: crlRevocation },
    {
      provide: PeerVerifier,
      inject: [MODULE_OPTIONS_TOKEN, CURRENT_TRUST, CrlRevocation, ForwardedCertificates, ServiceRoles],
      useFactory: peerVerifier,
    },
    { provide: LiveConnections, inject: [MODULE_OPTIONS_TOKEN, PeerVerifier], useFactory: liveConnections },
    {
      provide: ForwardedCertificates,
      inject: [MODULE_OPTIONS_TOKEN, PEER_OF],
      useFactory: ({ trustedProxies }: MtlsOptions, peerOf: PeerOf) =>
        new ForwardedCertificates(new TrustedProxies(trustedProxies), peerOf),
    },
    {
      provide: ServiceRoles,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: ({ roles }: MtlsOptions) => new ServiceRoles(roles),
    },
    {
      provide: RateLimiter,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: ({ rates = {} }: MtlsOptions) =>
        new RateLimiter({ rateOf: rates.of, shared: rates.exchange !== undefined }),
    },
    { provide: PEER_OF, useValue: peerOfSocket },
    DecisionCounts,
    RoutePolicies,
    MtlsGate,
    TransportGate,
    MtlsGuard,
    RefusalFilter,
    ClientIdentityInterceptor,
    // useExisting, so that a test can override the guard.
    { provide: APP_GUARD, useExisting: MtlsGuard },
    { provide: APP_FILTER, useExisting: RefusalFilter },
  ],
  exports: [MtlsGate, DecisionCounts, ServiceRoles, ClientIdentityInterceptor, CrlRevocation, FederatedTrust],
})
export class MtlsModule extends ConfigurableModuleClass implements NestModule, OnModuleInit, OnApplicationShutdown {
  #routesRegistered: (() => void) | undefined;
  #stopSharing: (() => void) | undefined;

  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) private readonly options: MtlsOptions,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
    @Inject(MtlsGate) private readonly gate: MtlsGate,
    @Inject(CrlRevocation) private readonly crls: CrlRevocation,
    @Inject(FederatedTrust) private readonly federation: FederatedTrust,
    @Inject(LiveConnections) private readonly live: LiveConnections,
    @Inject(RateLimiter) private readonly rates: RateLimiter,
    @Inject(TransportGate) private readonly transports: TransportGate,
    @Inject(RoutePolicies) private readonly policies: RoutePolicies,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
  ) {
    super();
    // Only the policy of the last one would hold for messages, and nobody would notice.
    if ([...modules.values()].filter(({ metatype }) => metatype === MtlsModule).length > 1)
      throw new TypeError('MtlsModule is imported twice: it is global, import it only once');
    // Nest takes no guard for all routes from a module that comes later, and makes no module know it that was there before.
    const [, root] = modules.values();
    if (![root, ...(root?.imports ?? [])].some((module) => module?.metatype === this.constructor))
      throw new TypeError('MtlsModule is loaded lazily, and would guard nothing: import it');
  }

  /**
   * Called by Nest before it registers any route. Throws TypeError on an HTTP adapter other than Fastify's, and Error on a version of Node.js that
   * cannot be used.
   */
  configure(): void {
    const problem = nodeVersionProblem();
    if (problem !== undefined) throw new Error(problem);
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.getType() !== 'fastify')
      throw new TypeError('MtlsModule guards applications on Fastify: use FastifyAdapter');
    this.policies.markHandlers();
    this.#routesRegistered = closeUnseenRoutes(httpAdapter.getInstance<FastifyInstance>(), this.gate, this.policies);
    const server = httpAdapter.getHttpServer() as EventEmitter;
    refuseUnknownMethods(server);
    closeUpgrades(server, this.transports);
    server.on('newListener', warnOfListener);
  }

  async onModuleInit(): Promise<void> {
    this.#routesRegistered?.();
    const { revocation, trustDomains = [] } = this.options;
    if (revocationModeOf(revocation) === 'off') logger.warn(`revocation is not checked: ${revocation ? OFF : ABSENT}`);
    for (const domain of trustDomains)
      if (domain.revocation === 'off')
        logger.warn(
          `revocation is not checked for services of ${domain.name}: \`off\` stands in its entry of trustDomains`,
        );
    for (const vain of askedInVain(this.#classes(), this.options)) logger.warn(vain);
    // An application that only takes messages has no adapter, and its modules are not configured.
    const adapter = this.adapterHost.httpAdapter as HttpAdapterHost['httpAdapter'] | null;
    const server = adapter?.getHttpServer() as EventEmitter | undefined;
    const asks = asksForCertificates(server);
    if (asks === false)
      logger.warn('the HTTPS server asks no client for a certificate: set requestCert to true, or nobody gets in');
    // Only then: an application that is tested without a connection has no TLS either.
    if (asks === undefined) server?.once('listening', warnOfNoTls);
    await this.federation.start();
    const { exchange } = this.options.rates ?? {};
    if (exchange) this.#stopSharing = shareRates(this.rates, exchange);
    await this.crls.start();
    if (this.options.cutConnections ?? true) this.live.start();
  }

  /** The application's controllers and, for its gateways, providers. */
  #classes(): Set<HandlerClass> {
    const made = [...this.modules.values()].flatMap(({ controllers, providers }) => [
      ...controllers.values(),
      ...providers.values(),
    ]);
    return new Set(made.flatMap(({ metatype }) => (typeof metatype === 'function' ? (metatype as HandlerClass) : [])));
  }

  onApplicationShutdown(): void {
    this.crls.stop();
    this.federation.stop();
    this.live.stop();
    this.#stopSharing?.();
  }
}

/** Nothing else sees what such a listener answers: socket.io's polling, say. */
function warnOfListener(event: string | symbol): void {
  if (event !== 'request') return;
  const reason = 'something besides Nest listens for requests on the server: what it answers is open to everybody';
  logger.warn({ event: 'requests_not_guarded', reason });
}

function warnOfNoTls(): void {
  logger.warn('the server listens without TLS: nobody has a certificate there, and only what is public is open');
}

const now = (): Date => new Date();

/** Milliseconds since the epoch. */
const millisecondsOf = (clock: MtlsOptions['clock']): (() => number) => (clock ? () => clock().getTime() : Date.now);

function importedAsClass(): never {
  throw new TypeError('import MtlsModule.forRoot(…), only once: it is global');
}

/** The first of the providers: all others need what it makes of the options. */
function federatedTrust(options: MtlsOptions): FederatedTrust {
  checkOptions(options);
  const {
    trustAnchors,
    intermediates,
    trustDomain,
    trustDomains: domains = [],
    presentedIntermediates,
    clock,
  } = options;
  const own = currentTrust(trustAnchors, intermediates);
  return new FederatedTrust(own, { trustDomain, presentedIntermediates, domains, report: reportBundle, clock });
}

function crlRevocation({ revocation, clock = now }: MtlsOptions, trust: CurrentTrust): CrlRevocation {
  return new CrlRevocation(revocation?.crls ?? [], () => everyCa(trust()), {
    refreshInterval: revocation?.refreshInterval ?? 60_000,
    clock,
    report: reportCrl,
  });
}

function peerVerifier(
  options: MtlsOptions,
  trust: CurrentTrust,
  crls: CrlRevocation,
  { peerOf, proxies }: ForwardedCertificates,
  roles: ServiceRoles,
): PeerVerifier {
  const { revocation, services: allowed, issuerOrganization, clock } = options;
  return new PeerVerifier({
    peerOf,
    isProxy: (identity) => proxies.ruleOf(identity) !== undefined,
    isShutOut: (identity) => proxies.ruleOf(identity)?.isShutOut?.(identity) ?? false,
    trust,
    issuerOrganization,
    serviceFrom: options.serviceFrom ?? ['cn'],
    revocationMode: revocationModeOf(revocation),
    revocation: statusFrom(revocation ?? {}, crls),
    roles,
    allowList: typeof allowed === 'function' ? allowed : services(...allowed),
    ...(options.onPeer ? { onPeer: options.onPeer } : {}),
    clock: millisecondsOf(clock),
    reportUnknown: ({ message, evidence }) => {
      logger.warn({ event: 'soft_fail', reason: message, ...evidence });
    },
  });
}

function liveConnections({ expiredGrace, clock }: MtlsOptions, verifier: PeerVerifier): LiveConnections {
  const live = new LiveConnections({
    refusalOf: (connection) => verifier.refusalOf(connection, expiredGrace),
    notAfterOf: (connection) => verifier.notAfterOf(connection),
    marks: () => verifier.marks(),
    clock: millisecondsOf(clock),
    onCut: ({ code, message, evidence, cause: err }, connections) => {
      logger.warn(lineOf({ event: 'connections_cut', code, reason: message, connections, ...evidence, err }));
    },
    onFailure: (err) => {
      logger.error({ event: 'connections_not_checked', reason: 'open connections cannot be looked at', err });
    },
  });
  verifier.onConnection((connection) => {
    live.track(connection);
  });
  return live;
}

function currentTrust(anchors: MtlsOptions['trustAnchors'], intermediates: MtlsOptions['intermediates']): CurrentTrust {
  if (typeof anchors === 'function') return anchors;
  const trust = readTrustAnchors(anchors, intermediates);
  return () => trust;
}

function reportBundle({ kind, ...event }: BundleEvent): void {
  if (kind === 'failed' || kind === 'stale') logger.error({ event: `trust_bundle_${kind}`, ...event });
  else logger.log({ event: `trust_bundle_${kind}`, ...event });
}

function reportCrl(event: CrlEvent): void {
  if (event.kind === 'failed') logger.error({ event: 'crl_failed', source: event.source, reason: event.why });
  else logger.log({ event: 'crl_loaded', source: event.source, entries: event.entries, nextUpdate: event.nextUpdate });
}
