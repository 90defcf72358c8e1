import { readFileSync } from 'node:fs';
import type { Configuration } from './configuration.js';

/** An entry of `mtls.trustDomains` with the contents of its files. Throws the system's error for one that cannot be read. */
export function federatedDomain({
  caFile,
  endpointBundleFile,
  intermediatesFile,
  ...domain
}: Configuration['mtls']['trustDomains'][number]) {
  return {
    ...domain,
    ca: caFile === undefined ? undefined : readFileSync(caFile),
    endpointBundle: endpointBundleFile === undefined ? undefined : readFileSync(endpointBundleFile),
    intermediates: intermediatesFile === undefined ? undefined : readFileSync(intermediatesFile),
  };
}
