import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';
import { isNull } from '../null-value.js';

/** Those of keys on curves, and of Ed25519, are what the reader insists on. */
export const publicKeyParameters: CertificateLintRule = {
  name: 'public-key-parameters',
  source: 'RFC 3279 §2.3.1',
  check: ({ certificate: { publicKey } }) => {
    const { oid, parameters } = publicKey.algorithm;
    return oid === Oid.rsaEncryption && !(parameters && isNull(parameters))
      ? 'the parameters of an RSA key are not NULL'
      : undefined;
  },
};
