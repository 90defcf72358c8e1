import type { VerifiedClientIdentity } from './client-identity.js';
import type { MtlsRefusal } from './mtls.errors.js';

/** A request that policy would have refused, and that was let pass because the policy is only being tried. */
export interface ShadowedRequest {
  readonly code: 'service_not_allowed' | 'route_not_allowed';
  readonly reason: string;
  readonly service: string;
  readonly method: string;
  /** The route's path as it was written; undefined where there is no route. */
  readonly route: string | undefined;
  readonly requestId: string;
}

/**
 * Called when policy refuses somebody whose certificate is in order; it throws the refusal, or does not. `isTried`: the rule that refused is only
 * being tried.
 */
export type OnObjection = (refusal: MtlsRefusal, isTried: boolean, identity: VerifiedClientIdentity) => void;

/** Throws the refusal, unless the rule is only being tried. */
export const enforce: OnObjection = (refusal, isTried) => {
  if (!isTried) throw refusal;
};
