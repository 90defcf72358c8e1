import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const policyConstraintsOfAuthority: CertificateLintRule = {
  name: 'policy-constraints-of-authority',
  source: 'RFC 5280 §4.2.1.11',
  check: ({ certificate }) =>
    certificate.extensions.policyConstraints && !isAuthority(certificate)
      ? 'an end entity has policyConstraints'
      : undefined,
};
