import { isEmptyName, sameName } from '../../name.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** Only CAs are self-issued: a certificate that bears its issuer’s name could be taken for one in a path. */
export const selfIssuedAuthority: CertificateLintRule = {
  name: 'self-issued-authority',
  source: 'RFC 5280 §3.2',
  check: ({ certificate }) =>
    !isAuthority(certificate) && !isEmptyName(certificate.subject) && sameName(certificate.subject, certificate.issuer)
      ? 'an end entity has the name of its issuer'
      : undefined,
};
