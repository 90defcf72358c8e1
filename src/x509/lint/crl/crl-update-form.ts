import type { CrlLintRule } from '../lint-rule.js';
import { crlForm, timeFormProblem } from '../tbs-form.js';

/** nextUpdate follows the same rule as thisUpdate (§5.1.2.5). */
export const crlUpdateForm: CrlLintRule = {
  name: 'crl-update-form',
  source: 'RFC 5280 §5.1.2.4',
  check: ({ list }) => crlForm(list).times.map(timeFormProblem).find(Boolean),
};
