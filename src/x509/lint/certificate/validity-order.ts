import type { CertificateLintRule } from '../lint-rule.js';

/** That both times are in whole seconds and UTC is what the reader insists on; their type is the rule `validity-form`. */
export const validityOrder: CertificateLintRule = {
  name: 'validity-order',
  source: 'RFC 5280 §4.1.2.5',
  check: ({ certificate: { notBefore, notAfter } }) => (notBefore > notAfter ? 'it ends before it begins' : undefined),
};
