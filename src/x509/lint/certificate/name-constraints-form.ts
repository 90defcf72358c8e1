import { NameConstraintChecks } from '../../path/name-constraints.js';
import { WorkBudget } from '../../path/work-budget.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** Verifiers refuse every path through a CA with a malformed subtree. The decoder refuses empty constraints. */
export const nameConstraintsForm: CertificateLintRule = {
  name: 'name-constraints-form',
  source: 'RFC 5280 §4.2.1.10',
  check: ({ certificate }) =>
    certificate.extensions.nameConstraints &&
    new NameConstraintChecks(new WorkBudget()).constraintsDefect(certificate)?.message,
};
