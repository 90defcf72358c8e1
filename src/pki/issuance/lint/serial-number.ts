import type { ProfileLintRule } from './profile-lint-rule.js';

export const serialNumber: ProfileLintRule = {
  name: 'profile-serial-number',
  source: 'RFC 5280 §4.1.2.2',
  // As they are made here: 16 octets, the first neither 0 nor above 0x7f.
  check: ({ certificate: { serialNumber: serial } }) =>
    /^(?!00)[0-7][0-9a-f]{31}$/.test(serial) ? undefined : `the serial number ${serial} is not 16 octets and positive`,
};
