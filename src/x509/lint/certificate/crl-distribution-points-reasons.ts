import type { CertificateLintRule } from '../lint-rule.js';

export const crlDistributionPointsReasons: CertificateLintRule = {
  name: 'crl-distribution-points-reasons',
  source: 'RFC 5280 §4.2.1.13',
  check: ({ certificate: { extensions } }) =>
    extensions.crlDistributionPoints?.every(({ reasons }) => reasons !== undefined)
      ? 'no distribution point covers all reasons'
      : undefined,
};
