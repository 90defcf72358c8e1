import type { CrlLintRule } from '../lint-rule.js';

export const crlNextUpdate: CrlLintRule = {
  name: 'crl-next-update',
  source: 'RFC 5280 §5.1.2.5',
  check: ({ list: { thisUpdate, nextUpdate } }) =>
    nextUpdate && nextUpdate > thisUpdate ? undefined : 'nextUpdate is missing or not after thisUpdate',
};
