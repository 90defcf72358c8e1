import { isSpiffeId } from '../x509/index.js';
import { isServiceName } from './service-name.js';

// More than any fleet has services.
const MAX_KNOWN = 16_384;

/** Whether one of the patterns stands for the name of a service. */
export type IsNamed = (service: string) => boolean;

/**
 * Reads patterns for services: exact names, and SPIFFE IDs that end in `/*`, which stand for every ID with at least one more segment.
 * `spiffe://prod.example/ns/*` stands for `spiffe://prod.example/ns/a` and `spiffe://prod.example/ns/a/b`, but for neither `spiffe://prod.example/ns`
 * nor `spiffe://prod.example/nsx/a`. A question costs the same however many patterns there are. Throws RangeError for a pattern that could match
 * nothing, or has a `*` elsewhere.
 */
export function servicePatterns(patterns: readonly string[]): IsNamed {
  const names = new Set<string>();
  const above = new Set<string>();
  for (const pattern of patterns) {
    const prefix = pattern.endsWith('/*') ? pattern.slice(0, -2) : undefined;
    if (prefix !== undefined && isSpiffeId(prefix)) above.add(prefix);
    else if (isServiceName(pattern)) names.add(pattern);
    else
      throw new RangeError(
        `${JSON.stringify(pattern)} is neither the name of a service nor a SPIFFE ID, which may end in /*`,
      );
  }
  if (above.size === 0) return (service) => names.has(service);
  const isBelow = (service: string): boolean => {
    for (let end = service.lastIndexOf('/'); end > 'spiffe://'.length; end = service.lastIndexOf('/', end - 1))
      if (above.has(service.slice(0, end))) return true;
    return false;
  };
  // The same services ask again and again, and cutting a name to pieces costs more than the rest of the guard.
  const known = new Map<string, boolean>();
  return (service) => {
    let isNamed = known.get(service);
    if (isNamed === undefined) {
      isNamed = names.has(service) || isBelow(service);
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(service, isNamed);
    }
    return isNamed;
  };
}
