import { oidName } from '../../oids.js';
import type { OcspLintRule } from '../lint-rule.js';

export const ocspCriticality: OcspLintRule = {
  name: 'ocsp-criticality',
  source: 'RFC 6960 §4.4',
  check: ({ response: { responses, extensions } }) => {
    for (const each of [extensions, ...responses.map((response) => response.extensions)])
      for (const { oid, critical } of each.values()) if (critical) return `${oidName(oid)} is critical`;
    return undefined;
  },
};
