import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const extendedKeyUsageAny: CertificateLintRule = {
  name: 'extended-key-usage-any',
  source: 'RFC 5280 §4.2.1.12',
  check: ({ certificate }) =>
    certificate.extensions.extendedKeyUsage?.includes(Oid.anyExtendedKeyUsage)
      ? 'anyExtendedKeyUsage restricts nothing'
      : undefined,
};
