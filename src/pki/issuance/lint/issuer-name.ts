import { isEmptyName } from '../../../x509/index.js';
import type { LintRule } from './lint-rule.js';

export const issuerName: LintRule = {
  name: 'issuer-name',
  source: 'RFC 5280 §4.1.2.4, §4.1.2.6',
  check: ({ certificate, issuer, profile }) => {
    if (Buffer.compare(certificate.issuer.der, issuer.subject.der) !== 0)
      return 'the issuer is not the subject of the issuer, octet for octet';
    if (isEmptyName(certificate.subject)) return 'the subject is empty';
    const selfIssued = certificate.subject.key === issuer.subject.key;
    return selfIssued === (profile.name === 'root') ? undefined : 'subject and issuer are the same';
  },
};
