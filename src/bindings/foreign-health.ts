import type { HealthPart, PartState } from '../health/index.js';
import type { BundleStanding, CrlStanding } from '../mtls/index.js';

/**
 * Whether the trust bundles of other domains are read. Never down: a bad bundle affects the services of its domain alone, and taking this service
 * away would not help them. Anybody may ask for health, so no domain is named here; the log names them.
 */
export function trustBundlesPart(standing: () => readonly BundleStanding[]): HealthPart {
  return {
    name: 'trust_bundles',
    check: () => {
      const all = standing();
      return warningOf(all.length, {
        'never read': all.filter(({ readAt }) => readAt === undefined).length,
        'not read for long': all.filter(({ isStale }) => isStale).length,
      });
    },
  };
}

/** Whether the lists of `mtls.crls` are read and current. Never down, and no list is named, for the reasons of {@link trustBundlesPart}. */
export function foreignCrlsPart(standing: () => readonly Pick<CrlStanding, 'isRead' | 'isStale'>[]): HealthPart {
  return {
    name: 'foreign_crls',
    check: () => {
      const all = standing();
      return warningOf(all.length, {
        'never read': all.filter(({ isRead }) => !isRead).length,
        'past their nextUpdate': all.filter(({ isStale }) => isStale).length,
      });
    },
  };
}

function warningOf(all: number, counts: Readonly<Record<string, number>>): PartState {
  const details = Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${count} of ${all} ${what}`] : []));
  return details.length > 0 ? { state: 'warning', detail: details.join(', ') } : { state: 'up' };
}
