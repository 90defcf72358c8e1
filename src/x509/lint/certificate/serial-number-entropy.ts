import type { CertificateLintRule } from '../lint-rule.js';

/** Requires the 64 bits of a random generator to be possible. Numbers that are not positive are left to `serial-number-positive`. */
export const serialNumberEntropy: CertificateLintRule = {
  name: 'serial-number-entropy',
  source: 'CA/Browser Forum Baseline Requirements §7.1.2',
  check: ({ certificate: { serialNumber } }) =>
    /^-|^00$/.test(serialNumber) || serialNumber.length >= 16
      ? undefined
      : `the serial number ${serialNumber} has less than 64 bits`,
};
