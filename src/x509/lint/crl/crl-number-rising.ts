import type { CrlLintRule } from '../lint-rule.js';

export const crlNumberRising: CrlLintRule = {
  name: 'crl-number-rising',
  source: 'RFC 5280 §5.2.3',
  check: ({ list: { extensions }, previous }) =>
    previous && extensions.crlNumber !== undefined && extensions.crlNumber <= BigInt(previous.number)
      ? `CRL number ${extensions.crlNumber.toString()} is not higher than the last one`
      : undefined,
};
