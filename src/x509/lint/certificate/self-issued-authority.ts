import { sameName } from '../../name.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** Only CA certificates may be self-issued: path validation would treat an end entity with the name of its issuer as self-issued. */
export const selfIssuedAuthority: CertificateLintRule = {
  name: 'self-issued-authority',
  source: 'RFC 5280 §3.2',
  check: ({ certificate }) =>
    !isAuthority(certificate) && sameName(certificate.subject, certificate.issuer)
      ? 'an end entity has the name of its issuer'
      : undefined,
};
