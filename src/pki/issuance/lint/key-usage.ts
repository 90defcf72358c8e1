import { keyUsageOf } from '../../profile/key-usage.js';
import type { ProfileLintRule } from './profile-lint-rule.js';

export const keyUsage: ProfileLintRule = {
  name: 'profile-key-usage',
  source: 'RFC 5280 §4.2.1.3',
  check: ({ certificate: { extensions, publicKey }, profile }) => {
    const expected = keyUsageOf(profile, publicKey);
    const bits = [...(extensions.keyUsage ?? [])].sort((a, b) => a - b);
    return bits.join() === expected.join() ? undefined : `the bits are ${bits.join()}, not ${expected.join()}`;
  },
};
