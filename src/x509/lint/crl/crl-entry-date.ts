import type { CrlEntryLintRule } from '../lint-rule.js';

/** The date on which it was revoked: a list does not know of what has not happened when it is made. */
export const crlEntryDate: CrlEntryLintRule = {
  name: 'crl-entry-date',
  source: 'RFC 5280 §5.1.2.6',
  check: ({ entry, thisUpdate }) =>
    entry.revocationDate.date > thisUpdate ? 'revocationDate is after thisUpdate' : undefined,
};
