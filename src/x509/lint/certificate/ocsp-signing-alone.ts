import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** The key of an OCSP responder must serve no other purpose. */
export const ocspSigningAlone: CertificateLintRule = {
  name: 'ocsp-signing-alone',
  source: 'CA/Browser Forum Baseline Requirements §7.1.2.8',
  check: ({ certificate }) =>
    certificate.extensions.extendedKeyUsage?.includes(Oid.ocspSigning) &&
    certificate.extensions.extendedKeyUsage.length > 1
      ? 'extendedKeyUsage has OCSPSigning and other purposes'
      : undefined,
};
