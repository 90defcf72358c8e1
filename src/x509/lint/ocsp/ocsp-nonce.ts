import type { OcspLintRule } from '../lint-rule.js';

// Stands for a missing nonce: a nonce has at least one octet.
const NONE = new Uint8Array(0);

/** The nonce must be that of the request. A response to a request without a nonce has none, so that it can be reused. */
export const ocspNonce: OcspLintRule = {
  name: 'ocsp-nonce',
  source: 'RFC 9654 §2.1',
  check: ({ response, request }) =>
    Buffer.compare(response.nonce ?? NONE, request.nonce ?? NONE) === 0
      ? undefined
      : 'the nonce is not that of the request',
};
