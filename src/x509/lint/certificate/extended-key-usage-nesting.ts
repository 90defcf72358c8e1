import { Oid, oidName } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** RFC 5280 leaves the extension in CAs open; every reader lets it nest. */
export const extendedKeyUsageNesting: CertificateLintRule = {
  name: 'extended-key-usage-nesting',
  source: 'CA/Browser Forum Baseline Requirements §7.1.2',
  check: ({ certificate, chain }) => {
    for (const ca of chain) {
      const permitted = ca.extensions.extendedKeyUsage;
      if (!permitted || permitted.includes(Oid.anyExtendedKeyUsage)) continue;
      const purposes = certificate.extensions.extendedKeyUsage;
      // A CA that does not say may issue for anything.
      if (!purposes) return 'it is for more than the CA above may issue for';
      const foreign = purposes.find((purpose) => !permitted.includes(purpose));
      if (foreign !== undefined) return `the CA above may not issue for ${oidName(foreign)}`;
    }
    return undefined;
  },
};
