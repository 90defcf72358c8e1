import { NameConstraintChecks } from '../../path/name-constraints.js';
import { WorkBudget } from '../../path/work-budget.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** The constraints of every CA above apply, including those of the root (RFC 5937 §3.2). */
export const nameConstraints: CertificateLintRule = {
  name: 'name-constraints',
  source: 'RFC 5280 §6.1.3 (b), (c)',
  check: ({ certificate, chain }) => {
    for (const ca of chain) {
      if (!ca.extensions.nameConstraints) continue;
      // Each CA gets its own budget, which suffices for anything that the decoder accepts.
      const problem = new NameConstraintChecks(new WorkBudget()).check(ca, certificate);
      if (problem) return problem.message;
    }
    return undefined;
  },
};
