import type { CrlLintRule } from '../lint-rule.js';

// Whole octets in hexadecimal, as the decoder gives them.
const WELL_FORMED = /^(?!00$)(?:[0-9a-f]{2}){1,20}$/;

export const crlEntrySerialNumber: CrlLintRule = {
  name: 'crl-entry-serial-number',
  source: 'RFC 5280 §4.1.2.2',
  check: ({ entries }) => {
    for (const { serialNumber } of entries)
      if (!WELL_FORMED.test(serialNumber))
        return `the serial number ${serialNumber.slice(0, 48)} is not positive or has more than 20 octets`;
    return undefined;
  },
};
