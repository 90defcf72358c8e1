import { isSelfIssued } from '../../path/certificate-rules.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** A CA certificate itself counts: if it did not fit into the path length, nothing that it issues would be accepted. */
export const pathLength: CertificateLintRule = {
  name: 'path-length',
  source: 'RFC 5280 §6.1.4 (l)',
  check: ({ certificate, chain }) => {
    // The number of CAs between an end entity below and `ca`; self-issued CAs do not count.
    let between = isAuthority(certificate) && !isSelfIssued(certificate) ? 1 : 0;
    for (const ca of chain) {
      const limit = ca.extensions.basicConstraints?.pathLenConstraint;
      if (limit !== undefined && between > limit)
        return `a CA above allows ${limit} CAs below it, and there would be ${between}`;
      if (!isSelfIssued(ca)) between++;
    }
    return undefined;
  },
};
