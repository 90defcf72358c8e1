import type { CertificateLintRule } from '../lint-rule.js';

export const authorityKeyIdentifierPair: CertificateLintRule = {
  name: 'authority-key-identifier-pair',
  source: 'RFC 5280 appendix A.2',
  check: ({ certificate: { extensions } }) => {
    const { authorityCertIssuer, authorityCertSerialNumber } = extensions.authorityKeyIdentifier ?? {};
    return (authorityCertIssuer === undefined) === (authorityCertSerialNumber === undefined)
      ? undefined
      : 'authorityKeyIdentifier has one of authorityCertIssuer and authorityCertSerialNumber without the other';
  },
};
