import { mailbox } from '../../path/dns-name.js';
import { generalNameToString } from '../../general-name.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const subjectAltNameEmail: CertificateLintRule = {
  name: 'subject-alt-name-email',
  source: 'RFC 5280 §4.2.1.6',
  check: ({ certificate }) => {
    const wrong = certificate.extensions.subjectAltName?.find(
      ({ kind, value }) => kind === 'email' && mailbox(value) === undefined,
    );
    return wrong && `${generalNameToString(wrong)} is not a mailbox`;
  },
};
