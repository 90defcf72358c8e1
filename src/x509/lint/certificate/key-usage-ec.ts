import { KeyUsage, keyUsageName } from '../../certificate-extensions.js';
import type { CertificateLintRule } from '../lint-rule.js';

const UNFIT = [KeyUsage.keyEncipherment, KeyUsage.dataEncipherment];

export const keyUsageEc: CertificateLintRule = {
  name: 'key-usage-ec',
  source: 'RFC 8813 §3',
  check: ({ certificate: { publicKey, extensions } }) => {
    const unfit = publicKey.parameters.type === 'ec' && UNFIT.find((bit) => extensions.keyUsage?.has(bit));
    return typeof unfit === 'number' ? `${keyUsageName(unfit)} is not allowed for elliptic curve keys` : undefined;
  },
};
