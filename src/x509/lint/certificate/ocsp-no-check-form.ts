import { isNull } from '../../null-value.js';
import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const ocspNoCheckForm: CertificateLintRule = {
  name: 'ocsp-no-check-form',
  source: 'RFC 6960 §4.2.2.2.1',
  check: ({ certificate }) =>
    !isNull(certificate.extensions.all.get(Oid.ocspNoCheck)?.value) ? 'ocspNoCheck is not NULL' : undefined,
};
