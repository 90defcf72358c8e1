import type { CrlEntryLintRule } from '../lint-rule.js';
import { timeFormProblem } from '../tbs-form.js';

export const crlEntryDateForm: CrlEntryLintRule = {
  name: 'crl-entry-date-form',
  source: 'RFC 5280 §5.1.2.6',
  check: ({ entry }) => timeFormProblem(entry.revocationDate),
};
