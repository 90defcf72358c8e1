import type { CrlLintRule } from '../lint-rule.js';

/** A list of end entities alone would omit the CAs that the issuer certifies. Such an issuer has one list for both here. */
export const crlScopeAuthorities: CrlLintRule = {
  name: 'crl-scope-authorities',
  source: 'RFC 5280 §5.2.5',
  check: ({ list, issuer }) => {
    const { onlyContainsUserCerts } = list.extensions.issuingDistributionPoint ?? {};
    return onlyContainsUserCerts && issuer.extensions.basicConstraints?.pathLenConstraint !== 0
      ? 'onlyContainsUserCerts is set, and the issuer may certify CAs'
      : undefined;
  },
};
