import { Oid, oidName } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** RFC 5280 does not define the extension for CAs; verifiers treat it as a limit on the certificates below. */
export const extendedKeyUsageNesting: CertificateLintRule = {
  name: 'extended-key-usage-nesting',
  source: 'CA/Browser Forum Baseline Requirements §7.1.2',
  check: ({ certificate, chain }) => {
    for (const ca of chain) {
      const permitted = ca.extensions.extendedKeyUsage;
      if (!permitted || permitted.includes(Oid.anyExtendedKeyUsage)) continue;
      const purposes = certificate.extensions.extendedKeyUsage;
      // A certificate without the extension is valid for every purpose.
      if (!purposes) return 'the certificate has no extendedKeyUsage, but a CA above it has one';
      const foreign = purposes.find((purpose) => !permitted.includes(purpose));
      if (foreign !== undefined) return `a CA above may not issue for ${oidName(foreign)}`;
    }
    return undefined;
  },
};
