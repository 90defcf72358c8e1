import { Oid, oidName } from '../../oids.js';
import type { CrlEntryLintRule } from '../lint-rule.js';

/**
 * certificateIssuer must be critical (§5.3.3); reasonCode and invalidityDate must not (§5.3.1, §5.3.2). Verifiers must not use a list with any other
 * critical entry extension.
 */
export const crlEntryCriticality: CrlEntryLintRule = {
  name: 'crl-entry-criticality',
  source: 'RFC 5280 §5.3',
  check: ({ entry }) => {
    for (const { oid, critical } of entry.extensions.values())
      if (critical !== (oid === Oid.certificateIssuer)) return `${oidName(oid)} is ${critical ? '' : 'not '}critical`;
    return undefined;
  },
};
