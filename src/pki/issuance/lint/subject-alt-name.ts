import { generalNameToString } from '../../../x509/index.js';
import type { LintRule } from './lint-rule.js';

export const subjectAltName: LintRule = {
  name: 'subject-alt-name',
  source: 'RFC 5280 §4.2.1.6; RFC 9525 §2',
  check: ({ certificate: { extensions }, profile, names }) => {
    const expected = names.map(generalNameToString).join();
    const stand = (extensions.subjectAltName ?? []).map(generalNameToString).join();
    if (profile.kind === 'end-entity' && names.length === 0) return 'there is no name in subjectAltName';
    return stand === expected ? undefined : `the names are ${stand}, not ${expected}`;
  },
};
