import { generalNameToString } from '../../../x509/index.js';
import type { ProfileLintRule } from './profile-lint-rule.js';

export const subjectAltName: ProfileLintRule = {
  name: 'profile-subject-alt-name',
  source: 'RFC 5280 §4.2.1.6',
  check: ({ certificate: { extensions }, names }) => {
    const expected = names.map(generalNameToString).join();
    const stand = (extensions.subjectAltName ?? []).map(generalNameToString).join();
    return stand === expected ? undefined : `the names are ${stand}, not ${expected}`;
  },
};
