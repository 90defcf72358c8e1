import type { CertificateLintRule } from '../lint-rule.js';

/**
 * The decoder refuses serial numbers of more than 20 octets. A number of 20 octets whose first bit is set needs another octet for the sign; only this
 * rule finds that.
 */
export const serialNumberLength: CertificateLintRule = {
  name: 'serial-number-length',
  source: 'RFC 5280 §4.1.2.2',
  check: ({ certificate: { serialNumber } }) =>
    /^[89a-f].{39}$/.test(serialNumber) ? 'the serial number takes 21 octets, including one for the sign' : undefined,
};
