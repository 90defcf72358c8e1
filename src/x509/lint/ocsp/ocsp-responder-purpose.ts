import { Oid } from '../../oids.js';
import type { OcspLintRule } from '../lint-rule.js';

export const ocspResponderPurpose: OcspLintRule = {
  name: 'ocsp-responder-purpose',
  source: 'RFC 6960 §4.2.2.2',
  check: ({ responder: { extensions } }) =>
    extensions.extendedKeyUsage?.includes(Oid.ocspSigning)
      ? undefined
      : 'the certificate of the responder is not for OCSPSigning',
};
