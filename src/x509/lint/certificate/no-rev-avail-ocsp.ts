import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const noRevAvailOcsp: CertificateLintRule = {
  name: 'no-rev-avail-ocsp',
  source: 'RFC 9608 §3',
  check: ({ certificate }) =>
    certificate.extensions.all.has(Oid.noRevAvail) &&
    certificate.extensions.authorityInfoAccess?.some(({ accessMethod }) => accessMethod === Oid.ocsp)
      ? 'beside noRevAvail it says where its OCSP responder is'
      : undefined,
};
