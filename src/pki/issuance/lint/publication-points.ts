import { isAskedAbout } from '../../profile/profile.js';
import { isRoot, type ProfileLintRule } from './profile-lint-rule.js';

export const publicationPoints: ProfileLintRule = {
  name: 'profile-publication-points',
  source: 'RFC 5280 §4.2.1.13',
  check: ({ certificate: { extensions }, profile, ocsp }) => {
    const lists = isAskedAbout(profile) ? 1 : undefined;
    if (extensions.crlDistributionPoints?.length !== lists) return 'cRLDistributionPoints is not the profile’s';
    // RFC 5280 §4.2.1.15: where the delta of a list is, when it says where the list is.
    if (extensions.freshestCrl && lists === undefined) return 'freshestCRL is not the profile’s';
    const expected = isRoot(profile) ? undefined : ocsp && isAskedAbout(profile) ? 2 : 1;
    return extensions.authorityInfoAccess?.length === expected ? undefined : 'authorityInfoAccess is not the profile’s';
  },
};
