import { seededRandom } from '../../support/mutate.js';
import { CHANGES, type Below } from './changes.js';
import { CRL_CHANGES, crlsFor } from './crls.js';
import { build, goodPlan, HOST, keyPair, type Hierarchy } from './hierarchy.js';
import type { OracleCase } from './oracles.js';

/** A case, and all that is of note about it; `levels` counts the CAs below the anchor. */
export interface RandomPath extends OracleCase {
  readonly changes: readonly string[];
  readonly levels: number;
}

const ALL = Object.keys(CHANGES);
const CONSTRAINTS = ALL.filter((name) => /^(?:permitted|excluded|constraints)/.test(name));
const NAMES = ALL.slice(ALL.indexOf('another host'), ALL.indexOf('permitted name'));
const CRLS = Object.keys(CRL_CHANGES);
/** Every change stands by itself at this many heights before they are mixed. */
const HEIGHTS = 3;

/**
 * Hierarchies of two to seven certificates: each change by itself first, then none to three, of which names often meet constraints, and CRLs. The seed
 * determines what, the keys are new.
 */
export function randomPaths(seed: number, count: number): RandomPath[] {
  const random = seededRandom(seed);
  const below: Below = (limit) => Math.floor(random() * limit);
  const pick = (list: readonly string[]): string => list[below(list.length)] ?? '';
  const mixed = (): string[] => {
    if (below(3) === 0) return [pick(CONSTRAINTS), pick(NAMES)];
    return Array.from({ length: below(4) }, () => pick(ALL));
  };
  return Array.from({ length: count }, (_, number): RandomPath => {
    const alone = number < ALL.length * HEIGHTS ? ALL[number % ALL.length] : undefined;
    const levels = alone === undefined ? below(5) : Math.floor(number / ALL.length);
    const withCrls = alone === undefined && below(5) === 0;
    const changes = alone === undefined ? mixed().slice(0, withCrls ? 1 : 3) : [alone];
    const hierarchy = hierarchyOf(levels);
    for (const change of changes) CHANGES[change]?.(hierarchy, below);
    if (withCrls) {
      const change = pick(CRLS);
      changes.push(change);
      hierarchy.crls = crlsFor(hierarchy.plans, change, below);
    }
    return { ...build(hierarchy, shuffled(random)), revocationRequired: withCrls, changes, levels };
  });
}

function hierarchyOf(levels: number): Hierarchy {
  const plans = Array.from({ length: levels + 1 }, (_, i) => goodPlan('ca', `CA ${i}`, keyPair('P-256', i), i));
  plans.push(goodPlan('leaf', 'Leaf', keyPair('P-256', 7), 7));
  return { plans, others: [], trusted: plans[0], omitted: new Set(), host: HOST, crls: undefined };
}

const shuffled =
  (random: () => number) =>
  <T>(list: readonly T[]): T[] =>
    list
      .map((item) => ({ item, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ item }) => item);
