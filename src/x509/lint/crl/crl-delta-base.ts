import type { CrlLintRule } from '../lint-rule.js';

/** A delta goes with a list that was there before it, or is numbered as the one that is signed with it. */
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
