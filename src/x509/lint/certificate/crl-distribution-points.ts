import { isHttpUri } from '../../absolute-uri.js';
import type { DistributionPoint } from '../../distribution-point.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** http and not https, which would need a certificate’s status to get at it (RFC 5280 §8). */
export const crlDistributionPoints: CertificateLintRule = {
  name: 'crl-distribution-points',
  source: 'RFC 5280 §4.2.1.13',
  check: ({ certificate: { extensions } }) =>
    isEachAtHttp(extensions.crlDistributionPoints) ? undefined : 'a distribution point has no http URI',
};

/** Whether all that each of the points says is http URIs; so it is when there is none. */
export const isEachAtHttp = (points: readonly DistributionPoint[] = []): boolean =>
  points.every(
    ({ distributionPoint }) =>
      distributionPoint &&
      'fullName' in distributionPoint &&
      distributionPoint.fullName.every(({ kind, value }) => kind === 'uri' && isHttpUri(value)),
  );
