import { oidName } from '../../oids.js';
import { signatureFitsKey } from '../../signature.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** The decoder makes sure that both fields of the certificate hold the same algorithm. */
export const signatureAlgorithm: CertificateLintRule = {
  name: 'signature-algorithm',
  source: 'RFC 5280 §4.1.1.2',
  check: ({ certificate, issuer }) =>
    signatureFitsKey(certificate.signatureAlgorithm, (issuer ?? certificate).publicKey)
      ? undefined
      : `the key of the issuer cannot make signatures of algorithm ${oidName(certificate.signatureAlgorithm.oid)}`,
};
