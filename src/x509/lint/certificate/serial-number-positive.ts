import type { CertificateLintRule } from '../lint-rule.js';

export const serialNumberPositive: CertificateLintRule = {
  name: 'serial-number-positive',
  source: 'RFC 5280 §4.1.2.2',
  check: ({ certificate: { serialNumber } }) =>
    serialNumber.startsWith('-') || serialNumber === '00' ? `the serial number is ${serialNumber}` : undefined,
};
