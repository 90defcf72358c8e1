import { Inject, Injectable, Logger } from '@nestjs/common';
import { exemptPaths, type IsExempt } from './exempt-paths.js';
import type { IdentifiedRequest } from './identified-request.js';
import { MtlsRefusal } from './mtls.errors.js';
import { MODULE_OPTIONS_TOKEN } from './mtls.module-definition.js';
import type { MtlsOptions } from './mtls.options.js';
import { PeerVerifier } from './peer-verifier.js';
import type { Admission } from './route-policy.js';
import { ServiceRoles } from './service-roles.js';

/** The one place where a request is admitted: the guard asks it for Nest's routes, the hook for all that Nest's guards do not see. */
@Injectable()
export class MtlsGate {
  readonly #isExempt: IsExempt;
  readonly #expiredGrace: number;
  readonly #logger = new Logger('Mtls');

  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) options: MtlsOptions,
    @Inject(PeerVerifier) private readonly verifier: PeerVerifier,
    @Inject(ServiceRoles) private readonly roles: ServiceRoles,
  ) {
    this.#expiredGrace = options.expiredGrace ?? 0;
    this.#isExempt = exemptPaths(options.exemptPaths ?? []);
  }

  /** Puts the caller's identity on the request, or throws {@link MtlsRefusal}. An exempt path passes without one. */
  admit(request: IdentifiedRequest, { anyService, allowExpired, authorizers }: Admission): void {
    if (this.#isExempt(request.url)) return;
    try {
      const identity = this.verifier.identify(request, anyService, allowExpired ? this.#expiredGrace : 0);
      for (const authorizer of authorizers) {
        const decision = authorizer(identity, this.roles.of(identity));
        if (!decision.allowed)
          throw new MtlsRefusal('route_not_allowed', decision.reason, {
            service: identity.service,
            fingerprint256: identity.fingerprint256,
          });
      }
      request.clientIdentity = identity;
    } catch (error) {
      if (error instanceof MtlsRefusal) this.#log(request, error);
      throw error;
    }
  }

  /** Puts the caller's identity on the request when it has one, and lets anybody pass. */
  attach(request: IdentifiedRequest): void {
    if (request.clientIdentity) return;
    try {
      request.clientIdentity = this.verifier.identify(request);
    } catch (error) {
      if (!(error instanceof MtlsRefusal)) throw error;
    }
  }

  /** The refusal for a transport that this room does not guard yet. */
  refuseTransport(transport: string): MtlsRefusal {
    return new MtlsRefusal('validation_failed', 'this transport is not guarded', { transport });
  }

  #log(request: IdentifiedRequest, refusal: MtlsRefusal): void {
    const { code, status, message, evidence, cause } = refusal;
    const line = {
      event: 'refused',
      code,
      status,
      reason: message,
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url,
      ...evidence,
    };
    if (status >= 500) this.#logger.error({ ...line, err: cause });
    else this.#logger.warn(line);
  }
}
