import { PkiError } from '../pki-error.js';

const DATE_RULE = 'crl-entry-date: ';

/** What is thrown for a finding of the lint about the entries of a list. One that is dated after the list was made by a clock that was ahead, and has no defect. */
export const entryRefusal = (finding: string): PkiError =>
  new PkiError(finding.startsWith(DATE_RULE) ? 'clock_behind' : 'lint_failed', finding);
