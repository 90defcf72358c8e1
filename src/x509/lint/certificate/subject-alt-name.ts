import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** The common name does not count as the name of a service any more. The decoder refuses an empty subjectAltName. */
export const subjectAltName: CertificateLintRule = {
  name: 'subject-alt-name',
  source: 'RFC 9525 §2',
  check: ({ certificate }) =>
    isAuthority(certificate) || certificate.extensions.subjectAltName
      ? undefined
      : 'an end entity has no subjectAltName',
};
