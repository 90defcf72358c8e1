import type { CertificateLintRule } from '../lint-rule.js';

/** Octet for octet, although names match that are written differently: not every reader compares as RFC 5280 §7.1 says. */
export const issuerNameChaining: CertificateLintRule = {
  name: 'issuer-name-chaining',
  source: 'RFC 5280 §6.1.3 (a)(4)',
  check: ({ certificate, issuer }) =>
    Buffer.compare(certificate.issuer.der, (issuer ?? certificate).subject.der) === 0
      ? undefined
      : 'the issuer is not the subject of the issuer, octet for octet',
};
