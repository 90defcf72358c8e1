import { isEmptyName } from '../../name.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const subjectOfAuthority: CertificateLintRule = {
  name: 'subject-of-authority',
  source: 'RFC 5280 §4.1.2.6',
  check: ({ certificate }) =>
    isAuthority(certificate) && isEmptyName(certificate.subject) ? 'the subject of a CA is empty' : undefined,
};
