import { isEmptyName } from '../../name.js';
import type { CrlLintRule } from '../lint-rule.js';

export const crlIssuer: CrlLintRule = {
  name: 'crl-issuer',
  source: 'RFC 5280 §5.1.2.3',
  check: ({ list, issuer }) =>
    Buffer.compare(list.issuer.der, issuer.subject.der) === 0 && !isEmptyName(list.issuer)
      ? undefined
      : 'the issuer field is empty or not the subject of the issuer’s certificate, octet for octet',
};
