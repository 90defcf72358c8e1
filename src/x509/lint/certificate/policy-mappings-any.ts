import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const policyMappingsAny: CertificateLintRule = {
  name: 'policy-mappings-any',
  source: 'RFC 5280 §4.2.1.5',
  check: ({ certificate: { extensions } }) =>
    extensions.policyMappings?.some(
      ({ issuerDomainPolicy, subjectDomainPolicy }) =>
        issuerDomainPolicy === Oid.anyPolicy || subjectDomainPolicy === Oid.anyPolicy,
    )
      ? 'policyMappings maps anyPolicy'
      : undefined,
};
