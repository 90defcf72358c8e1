import { CrlReason } from '../../revoked-certificate.js';
import type { CrlLintRule } from '../lint-rule.js';

/** `unspecified` must be omitted, and removeFromCRL is only for delta CRLs. The decoder refuses codes that are not assigned. */
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
