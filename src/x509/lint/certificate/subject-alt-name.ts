import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/**
 * The common name does not count as the name of a service any more. Certificates that sign OCSP responses or CRLs for a CA are not services and need no
 * subjectAltName. The decoder refuses an empty one.
 */
export const subjectAltName: CertificateLintRule = {
  name: 'subject-alt-name',
  source: 'RFC 9525 §2',
  check: ({ certificate: { extensions } }) => {
    const isService = extensions.extendedKeyUsage?.some((oid) => oid === Oid.serverAuth || oid === Oid.clientAuth);
    return isService && !extensions.subjectAltName ? 'an end entity for TLS has no subjectAltName' : undefined;
  },
};
