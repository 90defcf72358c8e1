import type { LintRule } from './lint-rule.js';

export const publicationPoints: LintRule = {
  name: 'publication-points',
  source: 'RFC 5280 §4.2.1.13, §4.2.2.1',
  check: ({ certificate: { extensions }, profile }) => {
    const expected = profile.name === 'root' ? undefined : 1;
    if (extensions.crlDistributionPoints?.length !== expected) return 'cRLDistributionPoints is not the profile’s';
    return extensions.authorityInfoAccess?.length === expected ? undefined : 'authorityInfoAccess is not the profile’s';
  },
};
