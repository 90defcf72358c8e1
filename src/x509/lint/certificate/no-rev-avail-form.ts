import { isNull } from '../../null-value.js';
import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const noRevAvailForm: CertificateLintRule = {
  name: 'no-rev-avail-form',
  source: 'RFC 9608 §2',
  check: ({ certificate }) =>
    !isNull(certificate.extensions.all.get(Oid.noRevAvail)?.value) ? 'noRevAvail is not NULL' : undefined,
};
