import type { CertificateLintRule } from '../lint-rule.js';

/** The decoder accepts either type for any year, as many verifiers do. */
export const validityForm: CertificateLintRule = {
  name: 'validity-form',
  source: 'RFC 5280 §4.1.2.5',
  check: ({ certificate }) => (certificate.datesInForm ? undefined : 'a date is not written in the type for its year'),
};
