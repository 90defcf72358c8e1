import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** Who answers for a CA does nothing else with that key. */
export const ocspSigningAlone: CertificateLintRule = {
  name: 'ocsp-signing-alone',
  source: 'CA/Browser Forum Baseline Requirements §7.1.2.8',
  check: ({ certificate }) =>
    certificate.extensions.extendedKeyUsage?.includes(Oid.ocspSigning) &&
    certificate.extensions.extendedKeyUsage.length > 1
      ? 'OCSPSigning stands beside other purposes'
      : undefined,
};
