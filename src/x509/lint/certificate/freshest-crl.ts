import type { CertificateLintRule } from '../lint-rule.js';
import { isEachAtHttp } from './crl-distribution-points.js';

/** Where the delta is, in the words of where the list is. */
export const freshestCrl: CertificateLintRule = {
  name: 'freshest-crl',
  source: 'RFC 5280 §4.2.1.15',
  check: ({ certificate: { extensions } }) =>
    isEachAtHttp(extensions.freshestCrl) ? undefined : 'a distribution point of the delta has no http URI',
};
