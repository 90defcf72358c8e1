import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const nameConstraintsOfAuthority: CertificateLintRule = {
  name: 'name-constraints-of-authority',
  source: 'RFC 5280 §4.2.1.10',
  check: ({ certificate }) =>
    certificate.extensions.nameConstraints && !isAuthority(certificate)
      ? 'an end entity has nameConstraints'
      : undefined,
};
