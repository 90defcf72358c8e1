import type { CertificateLintRule } from '../lint-rule.js';
import { hasUniqueIdentifier } from '../tbs-form.js';

export const uniqueIdentifiers: CertificateLintRule = {
  name: 'unique-identifiers',
  source: 'RFC 5280 §4.1.2.8',
  check: ({ certificate }) =>
    hasUniqueIdentifier(certificate) ? 'there is a unique identifier of issuer or subject' : undefined,
};
