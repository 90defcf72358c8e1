import { isEmptyName } from '../../name.js';
import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** The rule `subject-alt-name` checks that an end entity has a subjectAltName at all. */
export const subjectAlternative: CertificateLintRule = {
  name: 'subject-alternative',
  source: 'RFC 5280 §4.2.1.6',
  check: ({ certificate }) =>
    isEmptyName(certificate.subject) && certificate.extensions.all.get(Oid.subjectAltName)?.critical === false
      ? 'the subject is empty and subjectAltName is not critical'
      : undefined,
};
