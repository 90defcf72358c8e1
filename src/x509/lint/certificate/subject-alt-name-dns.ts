import { generalNameToString } from '../../general-name.js';
import { dnsName } from '../../path/dns-name.js';
import type { CertificateLintRule } from '../lint-rule.js';

/**
 * Allows labels of letters, digits and hyphens, and at most 253 characters. Refuses a trailing dot, a last label of digits (it would be an address),
 * and a wildcard (it names no particular service). The decoder refuses characters other than ASCII, and an iPAddress that is not of 4 or 16 octets.
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
