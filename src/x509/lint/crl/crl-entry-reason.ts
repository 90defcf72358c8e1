import { CrlReason } from '../../revoked-certificate.js';
import type { CrlLintRule } from '../lint-rule.js';

/** unspecified is left out, and removeFromCRL is for delta CRLs. Numbers that are not assigned are what the reader refuses, and the writer has no word for. */
export const crlEntryReason: CrlLintRule = {
  name: 'crl-entry-reason',
  source: 'RFC 5280 §5.3.1',
  check: ({ list, entries }) => {
    const isDelta = list.extensions.deltaCrlIndicator !== undefined;
    for (const { serialNumber, reason } of entries)
      if (reason === CrlReason.unspecified || (reason === CrlReason.removeFromCRL && !isDelta))
        return `the entry ${serialNumber} gives the reason ${reason}`;
    return undefined;
  },
};
