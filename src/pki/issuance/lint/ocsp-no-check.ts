import { Oid } from '../../../x509/index.js';
import type { ProfileLintRule } from './profile-lint-rule.js';

export const ocspNoCheck: ProfileLintRule = {
  name: 'profile-ocsp-no-check',
  source: 'RFC 6960 §4.2.2.2.1',
  check: ({ certificate: { extensions }, profile }) =>
    extensions.all.has(Oid.ocspNoCheck) === (profile.kind === 'end-entity' && profile.keyUse === 'responses')
      ? undefined
      : 'ocspNoCheck is not as the profile has it',
};
