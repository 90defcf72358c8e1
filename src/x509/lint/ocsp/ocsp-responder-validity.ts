import type { OcspLintRule } from '../lint-rule.js';

/** Verifiers refuse a response once the responder's certificate has expired, so nextUpdate must not be later than that. */
export const ocspResponderValidity: OcspLintRule = {
  name: 'ocsp-responder-validity',
  source: 'RFC 6960 §4.2.2.2',
  check: ({ response: { producedAt, responses }, responder: { notBefore, notAfter } }) => {
    if (producedAt < notBefore || producedAt > notAfter) return 'producedAt is outside the validity of the responder';
    return responses.some(({ nextUpdate }) => nextUpdate && nextUpdate > notAfter)
      ? 'nextUpdate is after the notAfter of the responder'
      : undefined;
  },
};
