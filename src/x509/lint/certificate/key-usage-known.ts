import { KeyUsage } from '../../certificate-extensions.js';
import type { CertificateLintRule } from '../lint-rule.js';

const KNOWN: ReadonlySet<number> = new Set(Object.values(KeyUsage));

export const keyUsageKnown: CertificateLintRule = {
  name: 'key-usage-known',
  source: 'RFC 5280 §4.2.1.3',
  check: ({ certificate: { extensions } }) => {
    const unknown = [...(extensions.keyUsage ?? [])].find((bit) => !KNOWN.has(bit));
    return unknown === undefined ? undefined : `keyUsage sets bit ${unknown}, which has no meaning`;
  },
};
