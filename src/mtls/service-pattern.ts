import { isSpiffeId } from '../x509/index.js';
import { isServiceName } from './service-name.js';

// A fleet of services.
const MAX_KNOWN = 16_384;

/** Whether the name of a service is one of those that the patterns stand for. */
export type IsNamed = (service: string) => boolean;

/**
 * Reads patterns for services: exact names, and SPIFFE IDs that end in `/*`, for every ID with at least one more segment: `spiffe://prod.example/ns/*` is
 * `spiffe://prod.example/ns/a` and `spiffe://prod.example/ns/a/b`, and neither `spiffe://prod.example/ns` nor `spiffe://prod.example/nsx/a`. What is asked
 * costs the same however many patterns there are. Throws RangeError for anything that could match nothing, or has a `*` elsewhere.
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
    if (!service.startsWith('spiffe://')) return false;
    for (let end = service.lastIndexOf('/'); end > 'spiffe://'.length; end = service.lastIndexOf('/', end - 1))
      if (above.has(service.slice(0, end))) return true;
    return false;
  };
  // A service asks again and again, and cutting its name to pieces costs more than the rest of the guard.
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
