import { NameConstraintChecks } from '../../path/name-constraints.js';
import { WorkBudget } from '../../path/work-budget.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** Every CA above counts, the root included (RFC 5937 §3.2). */
export const nameConstraints: CertificateLintRule = {
  name: 'name-constraints',
  source: 'RFC 5280 §6.1.3 (b), (c)',
  check: ({ certificate, chain }) => {
    for (const ca of chain) {
      if (!ca.extensions.nameConstraints) continue;
      // A budget for each CA: what the reader lets through fits into one.
      const problem = new NameConstraintChecks(new WorkBudget()).check(ca, certificate);
      if (problem) return problem.message;
    }
    return undefined;
  },
};
