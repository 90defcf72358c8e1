import { Oid, oidName } from '../../../x509/index.js';
import type { ProfileLintRule } from './profile-lint-rule.js';

const CRITICAL: ReadonlySet<string> = new Set([Oid.basicConstraints, Oid.keyUsage, Oid.nameConstraints]);
const KNOWN: ReadonlySet<string> = new Set([
  ...CRITICAL,
  Oid.extendedKeyUsage,
  Oid.subjectKeyIdentifier,
  Oid.authorityKeyIdentifier,
  Oid.subjectAltName,
  Oid.crlDistributionPoints,
  Oid.freshestCrl,
  Oid.authorityInfoAccess,
  Oid.noRevAvail,
  Oid.ocspNoCheck,
  Oid.tlsFeature,
]);

export const extensions: ProfileLintRule = {
  name: 'profile-extensions',
  source: 'RFC 5280 §4.2',
  check: ({ certificate }) => {
    for (const { oid, critical } of certificate.extensions.all.values()) {
      if (!KNOWN.has(oid)) return `no profile has the extension ${oidName(oid)}`;
      if (critical !== CRITICAL.has(oid)) return `${oidName(oid)} is ${critical ? '' : 'not '}critical`;
    }
    return undefined;
  },
};
