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
    if (endpointBundle !== undefined) refuse('endpointBundle is for endpointSpiffeId');
    return;
  }
  if (!isWorkloadId(endpointSpiffeId)) refuse('endpointSpiffeId is not the SPIFFE ID of a service');
  if (!isBundleUrl(bundle)) refuse('endpointSpiffeId is of the server of an https URL');
  if (ca !== undefined) refuse('a server is known by endpointSpiffeId or by ca');
  const domain = trustDomainOf(endpointSpiffeId);
  const isSelfServing = domain === name;
  if (isSelfServing && endpointBundle === undefined)
    refuse('endpointSpiffeId of this very domain needs endpointBundle');
  if (!isSelfServing && endpointBundle !== undefined) refuse(`the bundle of ${domain} is that of its own entry`);
  if (!knownDomains.includes(domain)) refuse(`endpointSpiffeId is of ${domain}, of which there is no bundle`);
}
