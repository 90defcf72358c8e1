import type { ProfileLintRule } from './profile-lint-rule.js';

export const basicConstraints: ProfileLintRule = {
  name: 'profile-basic-constraints',
  source: 'RFC 5280 §4.2.1.9',
  check: ({ certificate: { extensions }, profile }) => {
    const { basicConstraints: constraints } = extensions;
    if (!constraints) return 'basicConstraints is missing';
    if (constraints.cA !== (profile.kind === 'authority')) return `cA is ${constraints.cA}`;
    const pathLen = profile.kind === 'authority' ? profile.pathLenConstraint : undefined;
    return constraints.pathLenConstraint === pathLen ? undefined : 'pathLenConstraint is not the profile’s';
  },
};
