import { Oid } from '../../oids.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const basicConstraintsCritical: CertificateLintRule = {
  name: 'basic-constraints-critical',
  source: 'RFC 5280 §4.2.1.9',
  check: ({ certificate }) =>
    isAuthority(certificate) && certificate.extensions.all.get(Oid.basicConstraints)?.critical === false
      ? 'basicConstraints of a CA is not critical'
      : undefined,
};
