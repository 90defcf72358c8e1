import { decisionOf, type Authorizer, type Decision } from './authorizer.js';
import type { VerifiedClientIdentity } from './client-identity.js';
import type { RefusalCode } from './mtls.errors.js';
import type { RoutePolicy } from './route-policy.js';

/** Somebody who would call, as far as that is known without a certificate: what is left out is not known. */
export interface ProspectiveCaller {
  readonly service?: string;
  readonly spiffeId?: string | undefined;
  readonly roles: ReadonlySet<string>;
}

/** What would happen to a call with a certificate that is in order. `depends`: that depends on the certificate itself. */
export interface RouteAccess {
  readonly outcome: 'public' | 'allowed' | 'shadowed' | 'depends' | 'refused';
  /** The code of the refusal; with `shadowed`, of the refusal that is only being tried. */
  readonly code?: RefusalCode;
  readonly why: string;
}

/**
 * What a route's policy does with a caller. It asks the functions that the guard asks, so that it cannot say anything else than the guard does.
 * Without `caller`: somebody without a certificate.
 */
export function accessOf(
  policy: RoutePolicy,
  caller: ProspectiveCaller | undefined,
  allowList: Authorizer,
): RouteAccess {
  if (policy.public) return { outcome: 'public', why: 'open to anybody' };
  if (!caller) return { outcome: 'refused', code: 'client_certificate_required', why: 'no certificate' };
  const rules: [RefusalCode, Authorizer][] = [
    ...(policy.anyService ? [] : [['service_not_allowed', allowList] as [RefusalCode, Authorizer]]),
    ...policy.authorizers.map((rule): [RefusalCode, Authorizer] => ['route_not_allowed', rule]),
  ];
  let access: RouteAccess = {
    outcome: 'allowed',
    why: policy.anyService ? 'a certificate is enough' : 'on the list of services',
  };
  for (const [code, rule] of rules) {
    let decision: Decision;
    try {
      decision = askedOf(rule, caller);
    } catch (error) {
      // A shadow does not help against a rule that fails.
      if (!(error instanceof NotKnownError))
        return { outcome: 'refused', code: 'validation_failed', why: 'a rule fails, or answers with no decision' };
      access = { outcome: 'depends', why: `on the certificate: ${error.message}` };
      continue;
    }
    const reason = decision.allowed ? decision.shadow?.reason : decision.reason;
    if (reason === undefined) continue;
    if (!decision.allowed && !policy.shadow) return { outcome: 'refused', code, why: reason };
    if (access.outcome === 'allowed') access = { outcome: 'shadowed', code, why: reason };
  }
  return access;
}

/** A rule's decision. Throws {@link NotKnownError} when the rule would have to see the certificate first, and whatever {@link decisionOf} throws. */
function askedOf(rule: Authorizer, { roles, ...names }: ProspectiveCaller): Decision {
  const known: Readonly<Record<string, unknown>> = { validated: true, ...names };
  const identity = new Proxy(known, {
    get: (target, key) => {
      if (typeof key === 'string' && key in target) return target[key];
      throw new NotKnownError(String(key));
    },
  });
  return decisionOf(rule, identity as unknown as VerifiedClientIdentity, roles);
}

/** A rule asked for something that only a certificate can say. */
class NotKnownError extends Error {
  override readonly name = 'NotKnownError';
}
