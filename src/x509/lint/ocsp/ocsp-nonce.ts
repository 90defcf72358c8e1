import type { OcspLintRule } from '../lint-rule.js';

// A nonce has an octet at least.
const NONE = new Uint8Array(0);

/** The one of the request, or none: an answer that is kept pretends nothing. */
export const ocspNonce: OcspLintRule = {
  name: 'ocsp-nonce',
  source: 'RFC 9654 §2.1',
  check: ({ response, request }) =>
    Buffer.compare(response.nonce ?? NONE, request.nonce ?? NONE) === 0
      ? undefined
      : 'the nonce is not that of the request',
};
