import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const inhibitAnyPolicyOfAuthority: CertificateLintRule = {
  name: 'inhibit-any-policy-of-authority',
  source: 'RFC 5280 §4.2.1.14',
  check: ({ certificate }) =>
    certificate.extensions.inhibitAnyPolicy !== undefined && !isAuthority(certificate)
      ? 'an end entity has inhibitAnyPolicy'
      : undefined,
};
