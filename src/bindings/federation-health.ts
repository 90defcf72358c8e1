import type { HealthPart } from '../health/index.js';
import type { BundleStanding } from '../mtls/index.js';

/**
 * Whether the trust bundles of other domains are read. Never down: what is wrong with them is wrong for their services alone, and taking the service away mends none.
 * Anybody may ask for health, and hears of no domain by its name: the log has it.
 */
export function trustBundlesPart(standing: () => readonly BundleStanding[]): HealthPart {
  return {
    name: 'trust_bundles',
    check: () => {
      const all = standing();
      const unread = all.filter(({ readAt }) => readAt === undefined).length;
      const stale = all.filter(({ isStale }) => isStale).length;
      const details = [
        ...(unread > 0 ? [`${unread} of ${all.length} never read`] : []),
        ...(stale > 0 ? [`${stale} of ${all.length} not read for long`] : []),
      ];
      return details.length > 0 ? { state: 'warning', detail: details.join(', ') } : { state: 'up' };
    },
  };
}
