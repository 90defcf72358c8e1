import type { ProfileLintRule } from './profile-lint-rule.js';

const DAY = 86_400_000;

export const validity: ProfileLintRule = {
  name: 'profile-validity',
  source: 'CA/Browser Forum Baseline Requirements §6.3.2',
  // A day beyond the lifetime leaves room for the backdating.
  check: ({ certificate: { notBefore, notAfter }, profile }) =>
    notAfter.getTime() - notBefore.getTime() > profile.maximumLifetime * 1000 + DAY
      ? 'it is longer than the profile allows'
      : undefined,
};
