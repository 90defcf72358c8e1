import { hasEmptyScope } from '../../certificate-list.js';
import type { CrlLintRule } from '../lint-rule.js';

export const crlScopeEmpty: CrlLintRule = {
  name: 'crl-scope-empty',
  source: 'RFC 5280 §5.2.5',
  check: ({ list }) => (hasEmptyScope(list) ? 'issuingDistributionPoint is an empty sequence' : undefined),
};
