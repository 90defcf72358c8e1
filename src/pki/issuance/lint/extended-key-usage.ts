import type { ProfileLintRule } from './profile-lint-rule.js';

export const extendedKeyUsage: ProfileLintRule = {
  name: 'profile-extended-key-usage',
  source: 'RFC 5280 §4.2.1.12',
  check: ({ certificate: { extensions }, profile }) => {
    const expected = profile.kind === 'authority' ? '' : profile.purposes.join();
    const purposes = (extensions.extendedKeyUsage ?? []).join();
    return purposes === expected ? undefined : `the purposes are ${purposes}, not ${expected}`;
  },
};
