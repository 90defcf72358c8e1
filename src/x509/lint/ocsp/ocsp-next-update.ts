import type { OcspLintRule } from '../lint-rule.js';

/** A missing nextUpdate means that newer information is available all the time (RFC 6960 §4.2.2.1). */
export const ocspNextUpdate: OcspLintRule = {
  name: 'ocsp-next-update',
  source: 'RFC 5019 §2.2.4',
  check: ({ response: { responses } }) =>
    responses.every(({ thisUpdate, nextUpdate }) => nextUpdate && nextUpdate > thisUpdate)
      ? undefined
      : 'nextUpdate is missing or not after thisUpdate',
};
