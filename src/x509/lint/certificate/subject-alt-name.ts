import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** The common name no longer counts as the name of a service. An empty subjectAltName is what the reader refuses. */
export const subjectAltName: CertificateLintRule = {
  name: 'subject-alt-name',
  source: 'RFC 9525 §2',
  check: ({ certificate }) =>
    isAuthority(certificate) || certificate.extensions.subjectAltName
      ? undefined
      : 'an end entity has no subjectAltName',
};
