import type { CrlLintRule } from '../lint-rule.js';

export const crlVersion: CrlLintRule = {
  name: 'crl-version',
  source: 'RFC 5280 §5.1.2.1',
  check: ({ list }) => (list.version === 2 ? undefined : 'the version is 1, and extensions need version 2'),
};
