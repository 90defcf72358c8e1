import { KeyUsage } from '../../certificate-extensions.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const issuerMayCertify: CertificateLintRule = {
  name: 'issuer-may-certify',
  source: 'RFC 5280 §6.1.4 (n)',
  check: ({ issuer }) =>
    issuer && !(isAuthority(issuer) && issuer.extensions.keyUsage?.has(KeyUsage.keyCertSign))
      ? 'the issuer may not sign certificates'
      : undefined,
};
