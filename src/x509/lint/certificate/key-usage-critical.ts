import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const keyUsageCritical: CertificateLintRule = {
  name: 'key-usage-critical',
  source: 'RFC 5280 §4.2.1.3',
  check: ({ certificate }) =>
    certificate.extensions.all.get(Oid.keyUsage)?.critical === false ? 'keyUsage is not critical' : undefined,
};
