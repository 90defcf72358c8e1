import type { CrlLintRule } from '../lint-rule.js';

/** Compared in whole seconds, because a list holds no fractions. */
export const crlThisUpdate: CrlLintRule = {
  name: 'crl-this-update',
  source: 'RFC 5280 §5.1.2.4',
  check: ({ list, previous }) =>
    previous && list.thisUpdate.getTime() < Math.floor(previous.thisUpdate.getTime() / 1000) * 1000
      ? 'thisUpdate is before that of the last list'
      : undefined,
};
