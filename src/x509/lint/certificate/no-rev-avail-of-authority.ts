import { Oid } from '../../oids.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const noRevAvailOfAuthority: CertificateLintRule = {
  name: 'no-rev-avail-of-authority',
  source: 'RFC 9608 §2',
  check: ({ certificate }) =>
    certificate.extensions.all.has(Oid.noRevAvail) && isAuthority(certificate) ? 'a CA has noRevAvail' : undefined,
};
