import { isRoot, type ProfileLintRule } from './profile-lint-rule.js';

export const publicationPoints: ProfileLintRule = {
  name: 'profile-publication-points',
  source: 'RFC 5280 §4.2.1.13',
  check: ({ certificate: { extensions }, profile }) => {
    const expected = isRoot(profile) ? undefined : 1;
    if (extensions.crlDistributionPoints?.length !== expected) return 'cRLDistributionPoints is not the profile’s';
    return extensions.authorityInfoAccess?.length === expected ? undefined : 'authorityInfoAccess is not the profile’s';
  },
};
