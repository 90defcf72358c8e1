import { sameName } from '../../name.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const crlDistributionPointsIssuer: CertificateLintRule = {
  name: 'crl-distribution-points-issuer',
  source: 'RFC 5280 §4.2.1.13',
  check: ({ certificate: { issuer, extensions } }) =>
    extensions.crlDistributionPoints?.some(({ crlIssuer }) =>
      crlIssuer?.some((name) => name.kind === 'directory' && sameName(name.value, issuer)),
    )
      ? 'a distribution point names the issuer of the certificate as cRLIssuer'
      : undefined,
};
