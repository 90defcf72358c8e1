import { isEmptyName } from '../../name.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const issuerNotEmpty: CertificateLintRule = {
  name: 'issuer-not-empty',
  source: 'RFC 5280 §4.1.2.4',
  check: ({ certificate }) => (isEmptyName(certificate.issuer) ? 'the issuer field is empty' : undefined),
};
