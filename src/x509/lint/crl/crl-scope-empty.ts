import { Oid } from '../../oids.js';
import type { CrlLintRule } from '../lint-rule.js';

const EMPTY_SEQUENCE = Buffer.of(0x30, 0);

export const crlScopeEmpty: CrlLintRule = {
  name: 'crl-scope-empty',
  source: 'RFC 5280 §5.2.5',
  check: ({ list }) => {
    const extension = list.extensions.all.get(Oid.issuingDistributionPoint);
    return extension && EMPTY_SEQUENCE.equals(extension.value)
      ? 'issuingDistributionPoint is an empty sequence'
      : undefined;
  },
};
