import type { LintRule } from './lint-rule.js';

export const keyIdentifiers: LintRule = {
  name: 'key-identifiers',
  source: 'RFC 5280 §4.2.1.1, §4.2.1.2',
  check: ({ certificate: { extensions, publicKey }, issuer }) => {
    const authority = extensions.authorityKeyIdentifier?.keyIdentifier;
    if (!authority || Buffer.compare(authority, issuer.keyIdentifier) !== 0)
      return 'authorityKeyIdentifier is not the issuer’s';
    const own = extensions.subjectKeyIdentifier;
    return own && Buffer.compare(own, publicKey.keyIdentifier) === 0
      ? undefined
      : 'subjectKeyIdentifier is not of the key';
  },
};
