import { oidName } from '../../oids.js';
import { signatureFitsKey } from '../../signature.js';
import type { OcspLintRule } from '../lint-rule.js';

export const ocspSignatureAlgorithm: OcspLintRule = {
  name: 'ocsp-signature-algorithm',
  source: 'RFC 6960 §4.2.1',
  check: ({ response, responder }) =>
    signatureFitsKey(response.signatureAlgorithm, responder.publicKey)
      ? undefined
      : `the key of the responder cannot make signatures of algorithm ${oidName(response.signatureAlgorithm.oid)}`,
};
