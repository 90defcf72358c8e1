import type { LintRule } from './lint-rule.js';

export const serialNumber: LintRule = {
  name: 'serial-number',
  source: 'RFC 5280 §4.1.2.2; CA/Browser Forum Baseline Requirements §7.1',
  // 16 octets, the first neither 0 nor above 0x7f: positive, and with 64 random bits and more.
  check: ({ certificate: { serialNumber: serial } }) =>
    /^(?!00)[0-7][0-9a-f]{31}$/.test(serial) ? undefined : `the serial number ${serial} is not 16 octets and positive`,
};
