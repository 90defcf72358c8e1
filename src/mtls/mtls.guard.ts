import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { MtlsGate } from './mtls.gate.js';
import type { IdentifiedRequest } from './identified-request.js';
import { RoutePolicies } from './route-policies.service.js';
import type { Admission } from './route-policy.js';
import { callId, callOf } from './transports/transport-call.js';

/**
 * Lets a request pass when its route is public, or when the certificate on its connection belongs to a service that may call it. Refuses everything
 * else, including whatever comes over a transport that it does not know. The identity is put on the request as `clientIdentity`.
 */
@Injectable()
export class MtlsGuard implements CanActivate {
  constructor(
    @Inject(MtlsGate) private readonly gate: MtlsGate,
    @Inject(RoutePolicies) private readonly policies: RoutePolicies,
  ) {}

  /** True, or throws {@link MtlsRefusal}; never false, so that every refusal carries its code. */
  canActivate(context: ExecutionContext): true {
    const policy = this.policies.of(context.getHandler(), context.getClass());
    if (!policy.public) {
      // `switchToHttp().getRequest()` would give the same request, and builds three closures first.
      if (context.getType() === 'http')
        this.gate.admit(context.getArgByIndex<IdentifiedRequest>(0), policy, context.getArgByIndex<FastifyReply>(1));
      else this.#admitMessage(context, policy);
    }
    return true;
  }

  /** The door of a guarded transport has already checked the same decorators, and put the identity on the call. */
  #admitMessage(context: ExecutionContext, admission: Admission): void {
    const call = callOf(context.getArgs());
    if (!call) throw this.gate.refuseTransport(context.getType(), callId());
    if (!call.clientIdentity) this.gate.admit(call, admission);
  }
}
