import { oidName } from '../../oids.js';
import { signatureFitsKey } from '../../signature.js';
import type { CrlLintRule } from '../lint-rule.js';

export const crlSignatureAlgorithm: CrlLintRule = {
  name: 'crl-signature-algorithm',
  source: 'RFC 5280 §5.1.1.2',
  check: ({ list, issuer }) =>
    signatureFitsKey(list.signatureAlgorithm, issuer.publicKey)
      ? undefined
      : `the key of the issuer cannot make signatures of algorithm ${oidName(list.signatureAlgorithm.oid)}`,
};
