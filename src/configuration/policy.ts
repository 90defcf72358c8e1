import type { Configuration } from './configuration.js';

/** A value in a policy. Nothing in it is secret. */
export type PolicyValue = string | number | boolean | readonly PolicyValue[] | { readonly [key: string]: PolicyValue };

/**
 * The settings that decide who may do what, apart from those of the CA itself. A change of them is recorded. Lists of those who have something are given
 * as maps by their names.
 */
export function policyOf({ mtls, tls, metrics }: Configuration): Readonly<Record<string, PolicyValue>> {
  const { issuerOrganization, serviceFrom, services, roles, revocation, exemptPaths, crls, trustedProxies } = mtls;
  return {
    mtls: {
      issuerOrganization,
      serviceFrom,
      ...(mtls.trustDomain === undefined ? {} : { trustDomain: mtls.trustDomain }),
      trustDomains: Object.fromEntries(
        mtls.trustDomains.map(({ name, bundle, endpointSpiffeId, revocation: own = revocation }) => [
          name,
          { bundle, revocation: own, ...(endpointSpiffeId === undefined ? {} : { endpointSpiffeId }) },
        ]),
      ),
      services,
      roles: Object.fromEntries(roles.map((entry) => [entry.service, entry.roles])),
      revocation,
      exemptPaths,
      trustedProxies: Object.fromEntries(trustedProxies.map(({ service, ...rest }) => [service, rest])),
      crls: crls.map(({ source }) => source),
    },
    tls: { clientAuth: tls.clientAuth },
    metrics: { public: metrics.public },
  };
}
