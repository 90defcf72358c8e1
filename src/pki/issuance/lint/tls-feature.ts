import { Oid } from '../../../x509/index.js';
import type { ProfileLintRule } from './profile-lint-rule.js';

export const tlsFeature: ProfileLintRule = {
  name: 'profile-tls-feature',
  source: 'RFC 7633 §4.1',
  check: ({ certificate: { extensions }, profile }) =>
    extensions.all.has(Oid.tlsFeature) === (profile.kind === 'end-entity' && profile.mustStaple)
      ? undefined
      : 'tlsFeature is not as the profile has it',
};
