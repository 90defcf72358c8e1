import { Oid } from '../../../x509/index.js';
import type { ProfileLintRule } from './profile-lint-rule.js';

export const noRevAvail: ProfileLintRule = {
  name: 'profile-no-rev-avail',
  source: 'RFC 9608 §2',
  check: ({ certificate: { extensions }, profile }) =>
    extensions.all.has(Oid.noRevAvail) === (profile.kind === 'end-entity' && profile.noRevocation)
      ? undefined
      : 'noRevAvail is not as the profile has it',
};
