import type { CrlLintRule } from '../lint-rule.js';

export const crlAuthorityKeyIdentifierPair: CrlLintRule = {
  name: 'crl-authority-key-identifier-pair',
  source: 'RFC 5280 appendix A.2',
  check: ({ list: { extensions } }) => {
    const { authorityCertIssuer, authorityCertSerialNumber } = extensions.authorityKeyIdentifier ?? {};
    return (authorityCertIssuer === undefined) === (authorityCertSerialNumber === undefined)
      ? undefined
      : 'authorityKeyIdentifier has one of authorityCertIssuer and authorityCertSerialNumber without the other';
  },
};
