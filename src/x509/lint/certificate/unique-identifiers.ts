import type { CertificateLintRule } from '../lint-rule.js';

export const uniqueIdentifiers: CertificateLintRule = {
  name: 'unique-identifiers',
  source: 'RFC 5280 §4.1.2.8',
  check: ({ certificate }) =>
    certificate.hasUniqueIdentifier ? 'the certificate has an issuerUniqueID or a subjectUniqueID' : undefined,
};
