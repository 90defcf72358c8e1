import { Oid, oidName } from '../../oids.js';
import type { CrlLintRule } from '../lint-rule.js';

const ALWAYS: ReadonlySet<string> = new Set([Oid.deltaCrlIndicator, Oid.issuingDistributionPoint]);

/** These two must be critical. Verifiers must not use a list with any other critical extension. */
export const crlCriticality: CrlLintRule = {
  name: 'crl-criticality',
  source: 'RFC 5280 §5.2',
  check: ({ list }) => {
    for (const { oid, critical } of list.extensions.all.values())
      if (critical !== ALWAYS.has(oid)) return `${oidName(oid)} is ${critical ? '' : 'not '}critical`;
    return undefined;
  },
};
