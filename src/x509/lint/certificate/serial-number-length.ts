import type { CertificateLintRule } from '../lint-rule.js';

/** The reader refuses numbers of more than 20 octets; one whose first bit is set takes another for the sign, and is left to this rule. */
export const serialNumberLength: CertificateLintRule = {
  name: 'serial-number-length',
  source: 'RFC 5280 §4.1.2.2',
  check: ({ certificate: { serialNumber } }) =>
    /^[89a-f].{39}$/.test(serialNumber) ? 'the serial number takes 21 octets, of which one is the sign' : undefined,
};
