import type { CertificateLintRule } from '../lint-rule.js';

export const subjectKeyIdentifier: CertificateLintRule = {
  name: 'subject-key-identifier',
  source: 'RFC 5280 §4.2.1.2',
  check: ({ certificate }) =>
    certificate.extensions.subjectKeyIdentifier?.length ? undefined : 'subjectKeyIdentifier is missing or empty',
};
