import { isHttpUri } from '../../absolute-uri.js';
import type { DistributionPoint } from '../../distribution-point.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** Only http is allowed, not https: verifying the TLS certificate would need the status of another certificate first (RFC 5280 §8). */
export const crlDistributionPoints: CertificateLintRule = {
  name: 'crl-distribution-points',
  source: 'RFC 5280 §4.2.1.13',
  check: ({ certificate: { extensions } }) =>
    isEachAtHttp(extensions.crlDistributionPoints) ? undefined : 'a distribution point has no http URI',
};

/** Whether every name of every distribution point is an http URI; true when there are no distribution points. */
export const isEachAtHttp = (points: readonly DistributionPoint[] = []): boolean =>
  points.every(
    ({ distributionPoint }) =>
      distributionPoint &&
      'fullName' in distributionPoint &&
      distributionPoint.fullName.every(({ kind, value }) => kind === 'uri' && isHttpUri(value)),
  );
