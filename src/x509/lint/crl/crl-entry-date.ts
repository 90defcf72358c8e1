import type { CrlEntryLintRule } from '../lint-rule.js';

/** A list cannot contain a revocation that happens after the list was made. */
export const crlEntryDate: CrlEntryLintRule = {
  name: 'crl-entry-date',
  source: 'RFC 5280 §5.1.2.6',
  check: ({ entry, thisUpdate }) =>
    entry.revocationDate.date > thisUpdate ? 'revocationDate is after thisUpdate' : undefined,
};
