import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/**
 * The common name no longer counts as the name of a service; who signs responses or lists for a CA is no service. An empty subjectAltName is what the
 * reader refuses.
 */
export const subjectAltName: CertificateLintRule = {
  name: 'subject-alt-name',
  source: 'RFC 9525 §2',
  check: ({ certificate: { extensions } }) => {
    const isService = extensions.extendedKeyUsage?.some((oid) => oid === Oid.serverAuth || oid === Oid.clientAuth);
    return isService && !extensions.subjectAltName ? 'an end entity for TLS has no subjectAltName' : undefined;
  },
};
