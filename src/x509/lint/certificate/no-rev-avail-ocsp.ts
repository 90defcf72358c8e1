import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const noRevAvailOcsp: CertificateLintRule = {
  name: 'no-rev-avail-ocsp',
  source: 'RFC 9608 §3',
  check: ({ certificate }) =>
    certificate.extensions.all.has(Oid.noRevAvail) &&
    certificate.extensions.authorityInfoAccess?.some(({ accessMethod }) => accessMethod === Oid.ocsp)
      ? 'the certificate has noRevAvail and points to an OCSP responder'
      : undefined,
};
