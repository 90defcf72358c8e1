import type { CertificateLintRule } from '../lint-rule.js';

/** A root may leave it out. */
export const authorityKeyIdentifier: CertificateLintRule = {
  name: 'authority-key-identifier',
  source: 'RFC 5280 §4.2.1.1',
  check: ({ certificate, issuer }) =>
    issuer && !certificate.extensions.authorityKeyIdentifier?.keyIdentifier
      ? 'there is no keyIdentifier of the issuer in authorityKeyIdentifier'
      : undefined,
};
