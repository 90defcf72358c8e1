import { KeyUsage, keyUsageName } from '../../certificate-extensions.js';
import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

const FIT: ReadonlySet<number> = new Set([
  KeyUsage.digitalSignature,
  KeyUsage.nonRepudiation,
  KeyUsage.keyCertSign,
  KeyUsage.cRLSign,
]);

export const keyUsageRsaPss: CertificateLintRule = {
  name: 'key-usage-rsa-pss',
  source: 'RFC 4055 §1.2',
  check: ({ certificate: { publicKey, extensions } }) => {
    const unfit =
      publicKey.algorithm.oid === Oid.rsassaPss && [...(extensions.keyUsage ?? [])].find((bit) => !FIT.has(bit));
    return typeof unfit === 'number' ? `${keyUsageName(unfit)} is not allowed for RSASSA-PSS keys` : undefined;
  },
};
