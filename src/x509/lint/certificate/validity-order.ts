import type { CertificateLintRule } from '../lint-rule.js';

/** The decoder makes sure that both times are in whole seconds and UTC; `validity-form` checks their types. */
export const validityOrder: CertificateLintRule = {
  name: 'validity-order',
  source: 'RFC 5280 §4.1.2.5',
  check: ({ certificate: { notBefore, notAfter } }) =>
    notBefore > notAfter ? 'notAfter is before notBefore' : undefined,
};
