import type { CrlLintRule } from '../lint-rule.js';

/** A list may be limited to at most one kind of certificate, and here never to attribute certificates. */
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
