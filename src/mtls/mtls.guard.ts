import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { MtlsGate } from './mtls.gate.js';
import type { IdentifiedRequest } from './identified-request.js';
import { routePolicyOf, type RoutePolicy } from './route-policy.js';
import { callOf } from './transports/transport-call.js';

/**
 * Lets a request pass when its route is public, or when the certificate on its connection belongs to a service that may call it; refuses
 * everything else, transports included that it does not know. The identity is put on the request as `clientIdentity`.
 */
@Injectable()
export class MtlsGuard implements CanActivate {
  // By controller, then by handler: a handler that two controllers inherit has a policy in each.
  readonly #policies = new WeakMap<object, WeakMap<object, RoutePolicy>>();

  constructor(@Inject(MtlsGate) private readonly gate: MtlsGate) {}

  /** True, or throws {@link MtlsRefusal}; never false, so that every refusal carries its code. */
  canActivate(context: ExecutionContext): true {
    const policy = this.#policyOf(context.getHandler(), context.getClass());
    if (!policy.public) {
      // The request: switchToHttp().getRequest() is the same, and builds three closures first.
      if (context.getType() === 'http')
        this.gate.admit(context.getArgByIndex<IdentifiedRequest>(0), policy, context.getArgByIndex<FastifyReply>(1));
      else this.gate.admit(callOf(context.getArgs()) ?? this.gate.refuseTransport(context.getType()), policy);
    }
    return true;
  }

  #policyOf(handler: object, controller: object): RoutePolicy {
    let policies = this.#policies.get(controller);
    if (!policies) this.#policies.set(controller, (policies = new WeakMap()));
    let policy = policies.get(handler);
    if (!policy) policies.set(handler, (policy = routePolicyOf(handler, controller)));
    return policy;
  }
}
