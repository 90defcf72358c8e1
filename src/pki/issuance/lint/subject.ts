import { isEmptyName, sameKey, sameName } from '../../../x509/index.js';
import { isRoot, type ProfileLintRule } from './profile-lint-rule.js';

/** A root, and nothing else, has its own name and key as issuer. */
export const subject: ProfileLintRule = {
  name: 'profile-subject',
  source: 'RFC 5280 §4.1.2.6',
  check: ({ certificate, issuer, profile }) => {
    if (isEmptyName(certificate.subject)) return 'the subject is empty';
    const root = isRoot(profile);
    if (sameName(certificate.subject, issuer.subject) !== root)
      return `subject and issuer are ${root ? 'not ' : ''}the same`;
    return root && !sameKey(certificate.publicKey, issuer.publicKey)
      ? 'the key of a root is not its issuer’s'
      : undefined;
  },
};
