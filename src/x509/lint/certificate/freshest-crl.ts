import type { CertificateLintRule } from '../lint-rule.js';
import { isEachAtHttp } from './crl-distribution-points.js';

/** The extension has the same syntax as cRLDistributionPoints, and the same rule applies. */
export const freshestCrl: CertificateLintRule = {
  name: 'freshest-crl',
  source: 'RFC 5280 §4.2.1.15',
  check: ({ certificate: { extensions } }) =>
    isEachAtHttp(extensions.freshestCrl) ? undefined : 'a distribution point of the delta CRL has no http URI',
};
