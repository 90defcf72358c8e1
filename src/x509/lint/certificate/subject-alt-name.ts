import { Oid } from '../../oids.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/**
 * The common name does not count as the name of a service any more. CAs, and certificates that sign OCSP responses or CRLs for one, are not services
 * and need no subjectAltName. The decoder refuses an empty one.
 */
export const subjectAltName: CertificateLintRule = {
  name: 'subject-alt-name',
  source: 'RFC 9525 §2',
  check: ({ certificate }) => {
    const { extendedKeyUsage, subjectAltName: names } = certificate.extensions;
    const isForTls = extendedKeyUsage?.some((oid) => oid === Oid.serverAuth || oid === Oid.clientAuth);
    return isForTls && !names && !isAuthority(certificate) ? 'an end entity for TLS has no subjectAltName' : undefined;
  },
};
