import { NameConstraintChecks } from '../../path/name-constraints.js';
import { WorkBudget } from '../../path/work-budget.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** A subtree that is not in the form for its kind is one that verifiers refuse, with every path through it. Empty constraints are what the reader refuses. */
export const nameConstraintsForm: CertificateLintRule = {
  name: 'name-constraints-form',
  source: 'RFC 5280 §4.2.1.10',
  check: ({ certificate }) =>
    certificate.extensions.nameConstraints &&
    new NameConstraintChecks(new WorkBudget()).constraintsDefect(certificate)?.message,
};
