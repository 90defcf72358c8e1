import type { CertificateLintRule } from '../lint-rule.js';

/** That times until 2049 are UTCTime and later ones GeneralizedTime, both in whole seconds and UTC, is what the reader insists on. */
export const validityOrder: CertificateLintRule = {
  name: 'validity-order',
  source: 'RFC 5280 §4.1.2.5',
  check: ({ certificate: { notBefore, notAfter } }) => (notBefore > notAfter ? 'it ends before it begins' : undefined),
};
