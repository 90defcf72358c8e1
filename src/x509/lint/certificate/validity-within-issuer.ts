import type { CertificateLintRule } from '../lint-rule.js';

/** A path is valid only while each of its certificates is: what reaches beyond the issuer would be refused there. */
export const validityWithinIssuer: CertificateLintRule = {
  name: 'validity-within-issuer',
  source: 'RFC 5280 §6.1.3 (a)(2)',
  check: ({ certificate: { notBefore, notAfter }, issuer }) =>
    issuer && (notBefore < issuer.notBefore || notAfter > issuer.notAfter)
      ? 'it is not within the validity of its issuer'
      : undefined,
};
