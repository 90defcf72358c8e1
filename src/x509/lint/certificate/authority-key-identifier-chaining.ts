import type { CertificateLintRule } from '../lint-rule.js';

export const authorityKeyIdentifierChaining: CertificateLintRule = {
  name: 'authority-key-identifier-chaining',
  source: 'RFC 5280 §4.2.1.1',
  check: ({ certificate, issuer }) => {
    const identifier = certificate.extensions.authorityKeyIdentifier?.keyIdentifier;
    const expected = (issuer ?? certificate).extensions.subjectKeyIdentifier;
    return !identifier || (expected && Buffer.compare(identifier, expected) === 0)
      ? undefined
      : 'authorityKeyIdentifier is not the subjectKeyIdentifier of the issuer';
  },
};
