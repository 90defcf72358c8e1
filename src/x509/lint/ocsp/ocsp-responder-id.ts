import type { OcspLintRule } from '../lint-rule.js';

export const ocspResponderId: OcspLintRule = {
  name: 'ocsp-responder-id',
  source: 'RFC 6960 §4.2.2.3',
  check: ({ response: { responderId }, responder }) =>
    'byKey' in responderId && Buffer.compare(responderId.byKey, responder.publicKey.keyIdentifier) === 0
      ? undefined
      : 'responderID is not the SHA-1 of the responder’s key',
};
