import type { CrlLintRule } from '../lint-rule.js';
import { crlForm } from '../tbs-form.js';

export const crlEntriesAbsent: CrlLintRule = {
  name: 'crl-entries-absent',
  source: 'RFC 5280 §5.1.2.6',
  check: ({ list }) => (crlForm(list).entries?.done ? 'revokedCertificates is present but empty' : undefined),
};
