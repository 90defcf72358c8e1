import type { OcspLintRule } from '../lint-rule.js';

export const ocspResponderCertificate: OcspLintRule = {
  name: 'ocsp-responder-certificate',
  source: 'RFC 5019 §2.2.2',
  check: ({ response: { certificates }, responder }) =>
    certificates.some(({ der }) => Buffer.compare(der, responder.der) === 0)
      ? undefined
      : 'the certificate of the responder is not among certs',
};
