import type { CrlLintRule } from '../lint-rule.js';

/** The decoder refuses a negative number, and one of more than 20 octets. */
export const crlNumber: CrlLintRule = {
  name: 'crl-number',
  source: 'RFC 5280 §5.2.3',
  check: ({ list: { extensions } }) => (extensions.crlNumber === undefined ? 'cRLNumber is missing' : undefined),
};
