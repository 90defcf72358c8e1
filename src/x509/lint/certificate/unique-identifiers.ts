import type { CertificateLintRule } from '../lint-rule.js';
import { certificateForm } from '../tbs-form.js';

export const uniqueIdentifiers: CertificateLintRule = {
  name: 'unique-identifiers',
  source: 'RFC 5280 §4.1.2.8',
  check: ({ certificate }) =>
    certificateForm(certificate).hasUniqueIdentifier ? 'there is a unique identifier of issuer or subject' : undefined,
};
