import { isCertIdOf } from '../../ocsp/cert-id.js';
import type { OcspLintRule } from '../lint-rule.js';

/** A responder makes no statement about the certificates of another CA. */
export const ocspCertIssuer: OcspLintRule = {
  name: 'ocsp-cert-issuer',
  source: 'RFC 6960 §4.1.1',
  check: ({ response: { responses }, issuer }) =>
    responses.every(({ certId }) => isCertIdOf(certId, issuer, certId.serialNumber))
      ? undefined
      : 'a response is about a certificate of another issuer',
};
