import { KeyUsage } from '../../certificate-extensions.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const authorityKeyCertSign: CertificateLintRule = {
  name: 'authority-key-cert-sign',
  source: 'RFC 5280 §4.2.1.3',
  check: ({ certificate }) =>
    isAuthority(certificate) && certificate.extensions.keyUsage?.has(KeyUsage.keyCertSign) === false
      ? 'cA is set and keyCertSign is not'
      : undefined,
};
