import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const noRevAvailLists: CertificateLintRule = {
  name: 'no-rev-avail-lists',
  source: 'RFC 9608 §3',
  check: ({ certificate }) =>
    certificate.extensions.all.has(Oid.noRevAvail) &&
    (certificate.extensions.crlDistributionPoints ?? certificate.extensions.freshestCrl)
      ? 'the certificate has noRevAvail and points to a CRL'
      : undefined,
};
