import { isProcessedExtension } from '../../path/certificate-rules.js';
import { oidName } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const unknownCriticalExtension: CertificateLintRule = {
  name: 'unknown-critical-extension',
  source: 'RFC 5280 §4.2',
  check: ({ certificate }) => {
    for (const { oid, critical } of certificate.extensions.all.values())
      if (critical && !isProcessedExtension(oid))
        return `${oidName(oid)} is critical, and verifiers that do not know it refuse the certificate`;
    return undefined;
  },
};
