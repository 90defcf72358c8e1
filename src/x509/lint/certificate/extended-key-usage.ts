import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** Without it a key serves every purpose there is. */
export const extendedKeyUsage: CertificateLintRule = {
  name: 'extended-key-usage',
  source: 'RFC 5280 §4.2.1.12',
  check: ({ certificate }) =>
    isAuthority(certificate) || certificate.extensions.extendedKeyUsage
      ? undefined
      : 'an end entity has no extendedKeyUsage',
};
