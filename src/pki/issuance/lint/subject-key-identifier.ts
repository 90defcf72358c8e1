import type { ProfileLintRule } from './profile-lint-rule.js';

export const subjectKeyIdentifier: ProfileLintRule = {
  name: 'profile-subject-key-identifier',
  source: 'RFC 5280 §4.2.1.2',
  check: ({ certificate: { extensions, publicKey } }) => {
    const own = extensions.subjectKeyIdentifier;
    return own && Buffer.compare(own, publicKey.keyIdentifier) === 0
      ? undefined
      : 'subjectKeyIdentifier is not of the key';
  },
};
