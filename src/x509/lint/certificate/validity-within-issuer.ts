import type { CertificateLintRule } from '../lint-rule.js';

/**
 * A path is valid only while each of its certificates is, so a certificate would be refused while any CA above it is not valid. This includes a root
 * whose key is elsewhere.
 */
export const validityWithinIssuer: CertificateLintRule = {
  name: 'validity-within-issuer',
  source: 'RFC 5280 §6.1.3 (a)(2)',
  check: ({ certificate: { notBefore, notAfter }, chain }) =>
    chain.some((ca) => notBefore < ca.notBefore || notAfter > ca.notAfter)
      ? 'the validity is not within that of each CA above'
      : undefined,
};
