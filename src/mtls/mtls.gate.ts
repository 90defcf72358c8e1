import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { decisionOf } from './authorizer.js';
import { countOne, DecisionCounts } from './decision-counts.js';
import { exemptPaths, type IsExempt } from './exempt-paths.js';
import type { VerifiedClientIdentity } from './client-identity.js';
import { ForwardedCertificates } from './forwarded/forwarded-certificates.js';
import type { IdentifiedRequest } from './identified-request.js';
import { isLoss, LiveConnections, type Answer } from './live-connections.js';
import { lineOf } from './log-line.js';
import { MtlsRefusal } from './mtls.errors.js';
import { MODULE_OPTIONS_TOKEN } from './mtls.module-definition.js';
import type { MtlsOptions } from './mtls.options.js';
import { PeerVerifier } from './peer-verifier.js';
import { RateLimited, RateLimiter, type AnswerFields } from './rates/rate-limiter.js';
import { checksUpTo } from './refusal-checks.js';
import { RefusalLines } from './refusal-lines.js';
import type { Admission } from './route-policy.js';
import { ServiceRoles } from './service-roles.js';
import type { OnObjection, ShadowedRequest } from './shadowed-request.js';

/** What the guard does with the answer to an HTTP request. */
type HttpAnswer = AnswerFields & { readonly raw: Answer };

const LOG_INTERVAL_MS = 1_000;

/** The one place where requests are admitted. The guard asks it about Nest's routes, and the hook about everything that Nest's guards do not see. */
@Injectable()
export class MtlsGate implements OnApplicationShutdown {
  readonly #isExempt: IsExempt;
  readonly #expiredGrace: number;
  readonly #onShadow: MtlsOptions['onShadow'];
  readonly #logger = new Logger('Mtls');
  readonly #lines = new RefusalLines('refused', (line) => {
    this.#logger.warn(line);
  });
  readonly #shadowLines = new RefusalLines('shadowed', (line) => {
    this.#logger.warn(line);
  });
  /** The requests whose identity {@link attach} put on them, and no policy. */
  readonly #attached = new WeakSet<object>();
  /** For each transport that is not guarded: when a refusal was last logged, and how many were not logged since. */
  readonly #unguarded = new Map<string, { readonly loggedAt: number; readonly passedOver: number }>();

  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) options: MtlsOptions,
    @Inject(PeerVerifier) private readonly verifier: PeerVerifier,
    @Inject(ServiceRoles) private readonly roles: ServiceRoles,
    @Inject(ForwardedCertificates) private readonly forwarded: ForwardedCertificates,
    @Inject(RateLimiter) private readonly rates: RateLimiter,
    @Inject(DecisionCounts) private readonly counts: DecisionCounts,
    @Inject(LiveConnections) private readonly live: LiveConnections,
  ) {
    this.#expiredGrace = options.expiredGrace ?? 0;
    this.#onShadow = options.onShadow;
    this.#isExempt = exemptPaths(options.exemptPaths ?? []);
  }

  /**
   * Takes the headers in which a trusted proxy forwards a certificate off a request. Throws {@link MtlsRefusal} when anybody else sent such a header.
   */
  takeForwarded(request: IdentifiedRequest): void {
    try {
      this.forwarded.take(request, this.verifier);
    } catch (error) {
      throw this.#loggedRefusal(request, error);
    }
  }

  /**
   * Puts the caller's identity on the request and its budget on the answer, or throws {@link MtlsRefusal}. An exempt path passes without an identity.
   * A request that was admitted by the same policy before its body came is only looked at again: nothing is counted or reported twice.
   */
  admit(request: IdentifiedRequest, admission: Admission, answer?: HttpAnswer): void {
    if (this.#isExempt(request.url)) return;
    if (request.admission === admission) {
      this.admitAgain(request, admission);
      return;
    }
    try {
      const identity = this.#identify(request, admission, true);
      this.rates.take(identity, admission.limit, answer);
      // The answer is meant for this caller: a cache between a proxy and us would give it to others. A handler may set another value.
      answer?.header('cache-control', 'no-store');
      request.clientIdentity = identity;
      this.counts.admitted++;
      if (answer && (admission.isEventStream || request.forwardedBy !== undefined))
        this.live.follow(answer.raw, () => this.#hasLost(request, admission));
    } catch (error) {
      throw this.#loggedRefusal(request, error);
    }
  }

  /** Whether the caller behind a request that was admitted has lost the right to its answer, which is logged. */
  #hasLost(request: IdentifiedRequest, admission: Admission): boolean {
    try {
      this.#identify(request, admission, false);
    } catch (error) {
      if (error instanceof MtlsRefusal && !isLoss(error)) return false;
      this.#loggedRefusal(request, error);
      return true;
    }
    return false;
  }

  /** As {@link admit}, by several policies that must all admit the request. It counts as one request, under the limit of each policy. */
  admitByAll(request: IdentifiedRequest, [first, ...others]: readonly [Admission, ...Admission[]]): void {
    try {
      const identity = this.#identify(request, first, true);
      for (const each of others) this.#identify(request, each, true);
      this.rates.takeUnderAll(
        identity,
        [first, ...others].flatMap(({ limit }) => limit ?? []),
      );
      request.clientIdentity = identity;
      this.counts.admitted++;
    } catch (error) {
      throw this.#loggedRefusal(request, error);
    }
  }

  /**
   * Checks a request again that was admitted and goes on, or checks one that {@link admit} will be asked about later: nothing is counted or reported
   * twice. Throws as {@link admit}.
   */
  admitAgain(request: IdentifiedRequest, admission: Admission): void {
    if (this.#isExempt(request.url)) return;
    try {
      this.#identify(request, admission, false);
    } catch (error) {
      throw this.#loggedRefusal(request, error);
    }
  }

  /** The refusal for an error that nobody foresaw, such as a rule that throws. The log has the cause. */
  unforeseen(request: IdentifiedRequest, cause: unknown): MtlsRefusal {
    const refusal = new MtlsRefusal('validation_failed', 'the request could not be validated', {}, { cause });
    this.#note(request, refusal);
    return refusal;
  }

  /** As {@link admit}, before anything of the body is read. */
  admitBeforeBody(request: IdentifiedRequest, admission: Admission, answer: HttpAnswer): void {
    this.admit(request, admission, answer);
    request.admission = admission;
  }

  /** What was thrown, as the refusal that the request ends with: counted, and in the log. */
  #loggedRefusal(request: IdentifiedRequest, error: unknown): MtlsRefusal {
    if (!(error instanceof MtlsRefusal)) return this.unforeseen(request, error);
    this.#note(request, error);
    return error;
  }

  #note(request: IdentifiedRequest, refusal: MtlsRefusal): void {
    countOne(this.counts.refused, refusal.code);
    if (refusal instanceof RateLimited && refusal.isRepeated) return;
    if (this.#lines.take(refusal, addressOf(request))) this.#log(request, refusal);
  }

  /** The caller, when all rules allow the request. `isTold`: refusals by rules that are only being tried are reported. */
  #identify(
    request: IdentifiedRequest,
    { anyService, allowExpired, authorizers, shadow }: Admission,
    isTold: boolean,
  ): VerifiedClientIdentity {
    const objected: OnObjection = (refusal, isTried, identity) => {
      if (!isTried && !shadow) throw refusal;
      if (isTold) this.#noteShadow(request, refusal, identity);
    };
    const identity = this.verifier.identify(request, anyService, allowExpired ? this.#expiredGrace : 0, objected);
    for (const authorizer of authorizers) {
      const decision = decisionOf(authorizer, identity, this.roles.of(identity));
      const reason = decision.allowed ? decision.shadow?.reason : decision.reason;
      if (reason === undefined) continue;
      const { service, fingerprint256 } = identity;
      objected(new MtlsRefusal('route_not_allowed', reason, { service, fingerprint256 }), decision.allowed, identity);
    }
    return identity;
  }

  /** Puts the caller's identity on the request if the caller has one, and lets anybody pass. The answer depends on it, and is no cache's either. */
  attach(request: IdentifiedRequest, answer?: AnswerFields): void {
    // A WebSocket has one request for all its public messages: what was attached for an earlier one is not believed.
    if (request.clientIdentity && !this.#attached.has(request)) return;
    answer?.header('cache-control', 'no-store');
    delete request.clientIdentity;
    try {
      request.clientIdentity = this.verifier.identify(request);
      this.#attached.add(request);
    } catch (error) {
      if (!(error instanceof MtlsRefusal)) throw error;
    }
  }

  /**
   * Refuses, by a rule of the handler's own, a request that had passed; it is logged like any other refusal. Throws {@link MtlsRefusal}
   * `route_not_allowed`.
   */
  refuse(request: IdentifiedRequest, reason: string): never {
    const { service, fingerprint256 } = request.clientIdentity ?? {};
    throw this.#loggedRefusal(request, new MtlsRefusal('route_not_allowed', reason, { service, fingerprint256 }));
  }

  /** The refusal for what came over a transport that is not guarded. It is the same for every sender, and is logged once a second at most. */
  refuseTransport(transport: string, requestId: string): MtlsRefusal {
    const { loggedAt, passedOver } = this.#unguarded.get(transport) ?? { loggedAt: -Infinity, passedOver: 0 };
    const refusal = new MtlsRefusal('validation_failed', 'this transport is not guarded', { transport, passedOver });
    countOne(this.counts.refused, refusal.code);
    const now = performance.now();
    const isRepeated = now - loggedAt < LOG_INTERVAL_MS;
    this.#unguarded.set(
      transport,
      isRepeated ? { loggedAt, passedOver: passedOver + 1 } : { loggedAt: now, passedOver: 0 },
    );
    if (!isRepeated) this.#log({ id: requestId, routeOptions: {} }, refusal);
    return refusal;
  }

  onApplicationShutdown(): void {
    this.#lines.sumUp();
    this.#shadowLines.sumUp();
  }

  #noteShadow(request: IdentifiedRequest, refusal: MtlsRefusal, { service }: VerifiedClientIdentity): void {
    const {
      id: requestId,
      method,
      routeOptions: { url: route },
    } = request;
    const { code, message: reason, evidence } = refusal;
    const told = { code: code as ShadowedRequest['code'], reason, service, method, route };
    countOne(this.counts.shadowed, code);
    if (this.#shadowLines.take(refusal, addressOf(request)))
      this.#logger.warn({ event: 'shadowed', ...told, request_id: requestId, ...evidence });
    this.#onShadow?.({ ...told, requestId });
  }

  #log(
    request: Pick<IdentifiedRequest, 'id' | 'routeOptions' | 'forwardedBy'> & { readonly method?: string },
    refusal: MtlsRefusal,
  ): void {
    const { code, status, message, mend, evidence, cause } = refusal;
    const line = lineOf({
      event: 'refused',
      code,
      status,
      reason: message,
      request_id: request.id,
      method: request.method,
      route: request.routeOptions.url,
      proxy: request.forwardedBy,
      ...evidence,
      mend,
      checks: checksUpTo(code),
    });
    if (status >= 500) this.#logger.error({ ...line, err: cause });
    else this.#logger.warn(line);
  }
}

/** Of the peer on the connection; undefined once that is gone. */
function addressOf({ raw }: Pick<IdentifiedRequest, 'raw'>): string | undefined {
  if (!('stream' in raw)) return raw.socket.remoteAddress;
  const { session } = raw.stream;
  return session?.destroyed === false ? session.socket.remoteAddress : undefined;
}
