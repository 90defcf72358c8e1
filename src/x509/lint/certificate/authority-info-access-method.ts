import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

const KNOWN: ReadonlySet<string> = new Set([Oid.caIssuers, Oid.ocsp]);

/** RFC 5280 defines only these two access methods for this extension; verifiers know no other. */
export const authorityInfoAccessMethod: CertificateLintRule = {
  name: 'authority-info-access-method',
  source: 'RFC 5280 §4.2.2.1',
  check: ({ certificate: { extensions } }) => {
    const unknown = extensions.authorityInfoAccess?.find(({ accessMethod }) => !KNOWN.has(accessMethod));
    return unknown ? `the access method ${unknown.accessMethod} is neither caIssuers nor ocsp` : undefined;
  },
};
