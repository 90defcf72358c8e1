import { KeyUsage, keyUsageName } from '../../certificate-extensions.js';
import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

const UNFIT = [KeyUsage.keyAgreement, KeyUsage.encipherOnly, KeyUsage.decipherOnly];

export const keyUsageRsa: CertificateLintRule = {
  name: 'key-usage-rsa',
  source: 'RFC 3279 §2.3.1',
  check: ({ certificate: { publicKey, extensions } }) => {
    const unfit = publicKey.algorithm.oid === Oid.rsaEncryption && UNFIT.find((bit) => extensions.keyUsage?.has(bit));
    return typeof unfit === 'number' ? `${keyUsageName(unfit)} is not allowed for RSA keys` : undefined;
  },
};
