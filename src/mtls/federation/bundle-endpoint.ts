import { isWorkloadId, trustDomainOf } from '../../x509/index.js';
import { isBundleUrl } from './bundle-source.js';
import type { FederatedDomain } from './federated-trust.js';

/**
 * Proves the options by which the server of a bundle is known by its SPIFFE ID (profile `https_spiffe`, SPIFFE Federation §5.2.2), where a domain has
 * them. Throws RangeError when the server could never be known by them.
 */
export function checkEndpoint(
  { name, bundle, ca, endpointSpiffeId, endpointBundle }: FederatedDomain,
  knownDomains: readonly string[],
): void {
  const refuse = (why: string): never => {
    throw new RangeError(`the trust domain ${name}: ${why}`);
  };
  if (endpointSpiffeId === undefined) {
    if (endpointBundle !== undefined) refuse('endpointBundle needs an endpointSpiffeId');
    return;
  }
  if (!isWorkloadId(endpointSpiffeId)) refuse('endpointSpiffeId is not the SPIFFE ID of a service');
  if (!isBundleUrl(bundle)) refuse('endpointSpiffeId needs a bundle at an https URL');
  if (ca !== undefined) refuse('give endpointSpiffeId or ca, and not both');
  const domain = trustDomainOf(endpointSpiffeId);
  const isSelfServing = domain === name;
  if (isSelfServing && endpointBundle === undefined)
    refuse('an endpointSpiffeId of the same trust domain needs an endpointBundle');
  if (!isSelfServing && endpointBundle !== undefined)
    refuse(`leave endpointBundle out: the bundle of ${domain} comes from its own entry`);
  if (!knownDomains.includes(domain))
    refuse(`endpointSpiffeId is of ${domain}, a trust domain that is not configured here`);
}
