import type { CertificateLintRule } from '../lint-rule.js';

/** A must for CAs; an end entity without it would have a key for everything. That a bit is set is what the reader insists on. */
export const keyUsage: CertificateLintRule = {
  name: 'key-usage',
  source: 'RFC 5280 §4.2.1.3',
  check: ({ certificate }) => (certificate.extensions.keyUsage ? undefined : 'keyUsage is missing'),
};
