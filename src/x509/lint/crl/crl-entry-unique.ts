import type { CrlLintRule } from '../lint-rule.js';

/** Applies to a list of one issuer: an indirect CRL may have the same number once for each issuer (RFC 5280 §5.3.3). */
export const crlEntryUnique: CrlLintRule = {
  name: 'crl-entry-unique',
  source: 'RFC 5280 §5.1.2.6',
  check: ({ entries }) => {
    const seen = new Set<string>();
    for (const { serialNumber } of entries) {
      if (seen.has(serialNumber)) return `the serial number ${serialNumber} occurs twice`;
      seen.add(serialNumber);
    }
    return undefined;
  },
};
