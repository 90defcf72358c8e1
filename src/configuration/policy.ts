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
      ...presentedOf(mtls),
      trustDomains: Object.fromEntries(
        mtls.trustDomains.map((domain) => [
          domain.name,
          {
            bundle: domain.bundle,
            revocation: domain.revocation ?? revocation,
            ...(domain.endpointSpiffeId === undefined ? {} : { endpointSpiffeId: domain.endpointSpiffeId }),
            ...presentedOf(domain),
          },
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

/** Nothing where it is off: a policy from before the setting is the same policy. */
const presentedOf = ({ presentedIntermediates = false }: { readonly presentedIntermediates?: boolean }) =>
  presentedIntermediates ? { presentedIntermediates } : {};
