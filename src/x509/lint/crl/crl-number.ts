import type { CrlLintRule } from '../lint-rule.js';

/** A negative number, and one of more than 20 octets, is what the reader refuses. */
export const crlNumber: CrlLintRule = {
  name: 'crl-number',
  source: 'RFC 5280 §5.2.3',
  check: ({ list: { extensions } }) => (extensions.crlNumber === undefined ? 'cRLNumber is missing' : undefined),
};
