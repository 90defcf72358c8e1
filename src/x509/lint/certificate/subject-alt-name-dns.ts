import { generalNameToString } from '../../general-name.js';
import { dnsName } from '../../path/dns-name.js';
import type { CertificateLintRule } from '../lint-rule.js';

/**
 * Labels of letters, digits and hyphens, 253 characters in all, no trailing dot, no number at the end, which would be an address; and no wildcard,
 * which is nobody’s name. Other characters than ASCII are what the reader refuses, and iPAddress of other than 4 or 16 octets.
 */
export const subjectAltNameDns: CertificateLintRule = {
  name: 'subject-alt-name-dns',
  source: 'RFC 5280 §4.2.1.6',
  check: ({ certificate }) => {
    const wrong = certificate.extensions.subjectAltName?.find(
      ({ kind, value }) => kind === 'dns' && (dnsName(value) === undefined || /_|(?:^|\.)\d+$/.test(value)),
    );
    return wrong && `${generalNameToString(wrong)} is not a DNS name`;
  },
};
