import type { OcspLintRule } from '../lint-rule.js';

/** A response that outlives its signer’s certificate would be refused for its last part. */
export const ocspResponderValidity: OcspLintRule = {
  name: 'ocsp-responder-validity',
  source: 'RFC 6960 §4.2.2.2',
  check: ({ response: { producedAt, responses }, responder: { notBefore, notAfter } }) => {
    if (producedAt < notBefore || producedAt > notAfter) return 'producedAt is outside the validity of the responder';
    return responses.some(({ nextUpdate }) => nextUpdate && nextUpdate > notAfter)
      ? 'nextUpdate is after the end of the responder'
      : undefined;
  },
};
