import type { CertificateLintRule } from '../lint-rule.js';

/** Compared octet for octet, although names may also match when written differently: not every verifier compares names as RFC 5280 §7.1 says. */
export const issuerNameChaining: CertificateLintRule = {
  name: 'issuer-name-chaining',
  source: 'RFC 5280 §6.1.3 (a)(4)',
  check: ({ certificate, issuer }) =>
    Buffer.compare(certificate.issuer.der, (issuer ?? certificate).subject.der) === 0
      ? undefined
      : 'the issuer field is not the subject of the issuer’s certificate, octet for octet',
};
