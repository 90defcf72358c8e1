import { KeyUsage } from '../../certificate-extensions.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const keyUsageAgreement: CertificateLintRule = {
  name: 'key-usage-agreement',
  source: 'RFC 5280 §4.2.1.3',
  check: ({ certificate: { extensions } }) => {
    const { keyUsage = new Set<number>() } = extensions;
    const narrows = keyUsage.has(KeyUsage.encipherOnly) || keyUsage.has(KeyUsage.decipherOnly);
    return narrows && !keyUsage.has(KeyUsage.keyAgreement)
      ? 'encipherOnly and decipherOnly have no meaning without keyAgreement'
      : undefined;
  },
};
