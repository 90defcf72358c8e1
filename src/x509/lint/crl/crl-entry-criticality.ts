import { Oid, oidName } from '../../oids.js';
import type { CrlEntryLintRule } from '../lint-rule.js';

/** certificateIssuer is (§5.3.3); reasonCode and invalidityDate are not (§5.3.1, §5.3.2); any other makes the list one that verifiers must not use. */
export const crlEntryCriticality: CrlEntryLintRule = {
  name: 'crl-entry-criticality',
  source: 'RFC 5280 §5.3',
  check: ({ entry }) => {
    for (const { oid, critical } of entry.extensions.values())
      if (critical !== (oid === Oid.certificateIssuer)) return `${oidName(oid)} is ${critical ? '' : 'not '}critical`;
    return undefined;
  },
};
