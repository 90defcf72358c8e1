import type { CertificateLintRule } from '../lint-rule.js';

/** A root may omit the extension. */
export const authorityKeyIdentifier: CertificateLintRule = {
  name: 'authority-key-identifier',
  source: 'RFC 5280 §4.2.1.1',
  check: ({ certificate, issuer }) =>
    issuer && !certificate.extensions.authorityKeyIdentifier?.keyIdentifier
      ? 'authorityKeyIdentifier or its keyIdentifier is missing'
      : undefined,
};
