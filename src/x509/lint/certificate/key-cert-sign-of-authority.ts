import { KeyUsage } from '../../certificate-extensions.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const keyCertSignOfAuthority: CertificateLintRule = {
  name: 'key-cert-sign-of-authority',
  source: 'RFC 5280 §4.2.1.9',
  check: ({ certificate }) =>
    !isAuthority(certificate) && certificate.extensions.keyUsage?.has(KeyUsage.keyCertSign)
      ? 'keyCertSign is set and cA is not'
      : undefined,
};
