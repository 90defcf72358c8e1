import type { OcspLintRule } from '../lint-rule.js';

export const ocspThisUpdate: OcspLintRule = {
  name: 'ocsp-this-update',
  source: 'RFC 6960 §2.4',
  check: ({ response: { responses, producedAt } }) =>
    responses.some(({ thisUpdate }) => thisUpdate > producedAt) ? 'thisUpdate is after producedAt' : undefined,
};
