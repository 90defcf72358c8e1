import type { CrlLintRule } from '../lint-rule.js';

/** The base of a delta is an earlier list, or the complete list that is signed together with it under the same number. */
export const crlDeltaBase: CrlLintRule = {
  name: 'crl-delta-base',
  source: 'RFC 5280 §5.2.4',
  check: ({ list: { extensions } }) => {
    const { deltaCrlIndicator: base, crlNumber } = extensions;
    return base !== undefined && crlNumber !== undefined && base > crlNumber
      ? `list ${crlNumber.toString()} is a delta to list ${base.toString()}, which comes after it`
      : undefined;
  },
};
