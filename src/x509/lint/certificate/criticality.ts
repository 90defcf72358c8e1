import type { Certificate } from '../../certificate.js';
import { isEmptyName } from '../../name.js';
import { Oid, oidName } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

const NEVER: ReadonlySet<string> = new Set([
  Oid.authorityKeyIdentifier,
  Oid.subjectKeyIdentifier,
  Oid.issuerAltName,
  Oid.crlDistributionPoints,
  Oid.freshestCrl,
  Oid.authorityInfoAccess,
  Oid.subjectInfoAccess,
  Oid.tlsFeature,
  Oid.noRevAvail,
  Oid.ocspNoCheck,
]);
const ALWAYS: ReadonlySet<string> = new Set([
  Oid.nameConstraints,
  Oid.policyMappings,
  Oid.policyConstraints,
  Oid.inhibitAnyPolicy,
]);

const isNever = (oid: string, { subject }: Certificate): boolean =>
  NEVER.has(oid) || (oid === Oid.subjectAltName && !isEmptyName(subject));

/**
 * The subsections of §4.2 state it for each extension. Separate rules cover basicConstraints of CAs, keyUsage, and subjectAltName with an empty
 * subject.
 */
export const criticality: CertificateLintRule = {
  name: 'criticality',
  source: 'RFC 5280 §4.2',
  check: ({ certificate }) => {
    for (const { oid, critical } of certificate.extensions.all.values())
      if ((critical && isNever(oid, certificate)) || (!critical && ALWAYS.has(oid)))
        return `${oidName(oid)} is ${critical ? '' : 'not '}critical`;
    return undefined;
  },
};
