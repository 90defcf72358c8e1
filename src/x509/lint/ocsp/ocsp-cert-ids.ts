import type { OcspLintRule } from '../lint-rule.js';

/** One response for each CertID of the request, in the same order and with the same octets. */
export const ocspCertIds: OcspLintRule = {
  name: 'ocsp-cert-ids',
  source: 'RFC 6960 §3.2',
  check: ({ response: { responses }, request: { certIds } }) =>
    responses.length === certIds.length &&
    responses.every(({ certId }, index) => Buffer.compare(certId.der, certIds[index]?.der ?? certId.der) === 0)
      ? undefined
      : 'the responses are not about the certificates of the request',
};
