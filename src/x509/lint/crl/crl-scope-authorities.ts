import type { CrlLintRule } from '../lint-rule.js';

/** A CA that may certify CAs has one list for all that it certifies here: one for end entities alone would leave theirs out. */
export const crlScopeAuthorities: CrlLintRule = {
  name: 'crl-scope-authorities',
  source: 'RFC 5280 §5.2.5',
  check: ({ list, issuer }) => {
    const { onlyContainsUserCerts, onlyContainsCaCerts } = list.extensions.issuingDistributionPoint ?? {};
    return onlyContainsUserCerts && !onlyContainsCaCerts && issuer.extensions.basicConstraints?.pathLenConstraint !== 0
      ? 'onlyContainsUserCerts is set, and the issuer may certify CAs'
      : undefined;
  },
};
