import { isSelfIssued } from '../../path/certificate-rules.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** A CA counts itself: with no room for it in a path, nothing it issues would be accepted. */
export const pathLength: CertificateLintRule = {
  name: 'path-length',
  source: 'RFC 5280 §6.1.4 (l)',
  check: ({ certificate, chain }) => {
    // As many CAs as would stand between the certificate of an end entity and the CA at hand; self-issued ones do not count.
    let between = isAuthority(certificate) && !isSelfIssued(certificate) ? 1 : 0;
    for (const ca of chain) {
      const limit = ca.extensions.basicConstraints?.pathLenConstraint;
      if (limit !== undefined && between > limit) return `a CA above allows ${limit} CAs below, and this is ${between}`;
      if (!isSelfIssued(ca)) between++;
    }
    return undefined;
  },
};
