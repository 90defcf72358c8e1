import type { VerifiedClientIdentity } from './client-identity.js';
import type { MtlsRefusal } from './mtls.errors.js';

/** A request that policy would have refused, and that was let pass because that is only tried. */
export interface ShadowedRequest {
  readonly code: 'service_not_allowed' | 'route_not_allowed';
  readonly reason: string;
  readonly service: string;
  readonly method: string;
  /** The route's path as it was written; undefined where there is no route. */
  readonly route: string | undefined;
  readonly requestId: string;
}

/** What a no of policy comes to, said about somebody whose certificate is in order: it throws the refusal, or does not. `isTried`: the rule that said no is only tried. */
export type OnObjection = (refusal: MtlsRefusal, isTried: boolean, identity: VerifiedClientIdentity) => void;

/** Refuses what is not only tried. */
export const enforce: OnObjection = (refusal, isTried) => {
  if (!isTried) throw refusal;
};
