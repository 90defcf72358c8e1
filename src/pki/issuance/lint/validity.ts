import type { LintRule } from './lint-rule.js';

const DAY = 86_400_000;

export const validity: LintRule = {
  name: 'validity',
  source: 'RFC 5280 §4.1.2.5; CA/Browser Forum Baseline Requirements §6.3.2',
  check: ({ certificate: { notBefore, notAfter }, issuer, profile }) => {
    if (notBefore >= notAfter) return 'it ends before it begins';
    if (notBefore < issuer.notBefore || notAfter > issuer.notAfter)
      return 'it is not within the validity of its issuer';
    // A day beyond the lifetime leaves room for the backdating.
    if (notAfter.getTime() - notBefore.getTime() > profile.maximumLifetime * 1000 + DAY)
      return 'it is longer than the profile allows';
    return undefined;
  },
};
