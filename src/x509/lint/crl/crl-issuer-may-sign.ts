import { KeyUsage } from '../../certificate-extensions.js';
import type { CrlLintRule } from '../lint-rule.js';

export const crlIssuerMaySign: CrlLintRule = {
  name: 'crl-issuer-may-sign',
  source: 'RFC 5280 §6.3.3 (f)',
  check: ({ issuer }) =>
    issuer.extensions.keyUsage?.has(KeyUsage.cRLSign) ? undefined : 'the issuer may not sign revocation lists',
};
