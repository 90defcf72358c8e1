import { KeyUsage, keyUsageName } from '../../certificate-extensions.js';
import type { CertificateLintRule } from '../lint-rule.js';

const FIT: ReadonlySet<number> = new Set([
  KeyUsage.digitalSignature,
  KeyUsage.nonRepudiation,
  KeyUsage.keyCertSign,
  KeyUsage.cRLSign,
]);

export const keyUsageEd25519: CertificateLintRule = {
  name: 'key-usage-ed25519',
  source: 'RFC 9295 §3',
  check: ({ certificate: { publicKey, extensions } }) => {
    const unfit =
      publicKey.parameters.type === 'ed25519' && [...(extensions.keyUsage ?? [])].find((bit) => !FIT.has(bit));
    return typeof unfit === 'number' ? `${keyUsageName(unfit)} is not allowed for Ed25519 keys` : undefined;
  },
};
