import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const ocspNoCheckPurpose: CertificateLintRule = {
  name: 'ocsp-no-check-purpose',
  source: 'RFC 6960 §4.2.2.2.1',
  check: ({ certificate }) =>
    certificate.extensions.all.has(Oid.ocspNoCheck) &&
    !certificate.extensions.extendedKeyUsage?.includes(Oid.ocspSigning)
      ? 'the certificate has ocspNoCheck and is not for OCSPSigning'
      : undefined,
};
