import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const policyMappingsOfAuthority: CertificateLintRule = {
  name: 'policy-mappings-of-authority',
  source: 'RFC 5280 §4.2.1.5',
  check: ({ certificate }) =>
    certificate.extensions.policyMappings && !isAuthority(certificate) ? 'an end entity has policyMappings' : undefined,
};
