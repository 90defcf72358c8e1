import type { CrlLintRule } from '../lint-rule.js';

export const crlAuthorityKeyIdentifier: CrlLintRule = {
  name: 'crl-authority-key-identifier',
  source: 'RFC 5280 §5.2.1',
  check: ({ list, issuer }) => {
    const identifier = list.extensions.authorityKeyIdentifier?.keyIdentifier;
    const expected = issuer.extensions.subjectKeyIdentifier;
    return identifier && expected && Buffer.compare(identifier, expected) === 0
      ? undefined
      : 'authorityKeyIdentifier is missing or not the subjectKeyIdentifier of the issuer';
  },
};
