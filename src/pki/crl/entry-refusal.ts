import { PkiError } from '../pki-error.js';

const DATE_RULE = 'crl-entry-date: ';

/**
 * The error for a finding of the lint about the entries of a list. An entry that is dated after the list has no defect: a clock that was ahead made it, so the
 * error is `clock_behind`.
 */
export const entryRefusal = (finding: string): PkiError =>
  new PkiError(finding.startsWith(DATE_RULE) ? 'clock_behind' : 'lint_failed', finding);
