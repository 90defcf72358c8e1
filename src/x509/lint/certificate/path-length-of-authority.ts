import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

export const pathLengthOfAuthority: CertificateLintRule = {
  name: 'path-length-of-authority',
  source: 'RFC 5280 §4.2.1.9',
  check: ({ certificate }) =>
    !isAuthority(certificate) && certificate.extensions.basicConstraints?.pathLenConstraint !== undefined
      ? 'pathLenConstraint is set and cA is not'
      : undefined,
};
