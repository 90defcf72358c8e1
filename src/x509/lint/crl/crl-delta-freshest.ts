import type { CrlLintRule } from '../lint-rule.js';

export const crlDeltaFreshest: CrlLintRule = {
  name: 'crl-delta-freshest',
  source: 'RFC 5280 §5.2.6',
  check: ({ list: { extensions } }) =>
    extensions.deltaCrlIndicator !== undefined && extensions.freshestCrl ? 'a delta CRL has freshestCRL' : undefined,
};
