import { encodeExtensionOf, Oid } from '../../../x509/index.js';
import type { ProfileLintRule } from './profile-lint-rule.js';

export const nameConstraints: ProfileLintRule = {
  name: 'profile-name-constraints',
  source: 'RFC 5280 §4.2.1.10',
  check: ({ certificate: { extensions }, profile }) => {
    const wanted = profile.kind === 'authority' ? profile.nameConstraints : undefined;
    const expected = wanted ? encodeExtensionOf.nameConstraints(wanted).value : Buffer.alloc(0);
    const stand = extensions.all.get(Oid.nameConstraints)?.value ?? Buffer.alloc(0);
    return Buffer.compare(stand, expected) === 0 ? undefined : 'nameConstraints are not the profile’s';
  },
};
