import type { CertificateLintRule } from '../lint-rule.js';

/** A path is valid only while each of its certificates is: what reaches beyond a CA above, a root that is kept elsewhere too, would be refused there. */
export const validityWithinIssuer: CertificateLintRule = {
  name: 'validity-within-issuer',
  source: 'RFC 5280 §6.1.3 (a)(2)',
  check: ({ certificate: { notBefore, notAfter }, chain }) =>
    chain.some((ca) => notBefore < ca.notBefore || notAfter > ca.notAfter)
      ? 'it is not within the validity of each CA above'
      : undefined,
};
