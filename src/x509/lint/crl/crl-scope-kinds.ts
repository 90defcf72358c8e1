import type { CrlLintRule } from '../lint-rule.js';

/** At most one kind of certificate alone, and never attribute certificates alone. */
export const crlScopeKinds: CrlLintRule = {
  name: 'crl-scope-kinds',
  source: 'RFC 5280 §5.2.5',
  check: ({ list }) => {
    const { onlyContainsUserCerts, onlyContainsCaCerts, onlyContainsAttributeCerts } =
      list.extensions.issuingDistributionPoint ?? {};
    if (onlyContainsAttributeCerts) return 'onlyContainsAttributeCerts is set';
    return onlyContainsUserCerts && onlyContainsCaCerts
      ? 'onlyContainsUserCerts and onlyContainsCACerts are both set'
      : undefined;
  },
};
