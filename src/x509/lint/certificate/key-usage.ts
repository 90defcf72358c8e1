import type { CertificateLintRule } from '../lint-rule.js';

/**
 * RFC 5280 requires the extension for CAs. It is required here for end entities as well, because a key without it may be used for everything. The
 * decoder refuses an extension without any bit.
 */
export const keyUsage: CertificateLintRule = {
  name: 'key-usage',
  source: 'RFC 5280 §4.2.1.3',
  check: ({ certificate }) => (certificate.extensions.keyUsage ? undefined : 'keyUsage is missing'),
};
