import { leafKeyUsageDefect } from '../../path/extended-key-usage.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const extendedKeyUsageConsistent: CertificateLintRule = {
  name: 'extended-key-usage-consistent',
  source: 'RFC 5280 §4.2.1.12',
  check: ({ certificate }) =>
    isAuthority(certificate)
      ? undefined
      : leafKeyUsageDefect(certificate, certificate.extensions.extendedKeyUsage ?? [])?.message,
};
