import type { GeneralName } from '../../general-name.js';
import { attributeValues } from '../../name.js';
import { Oid } from '../../oids.js';
import { dnsName } from '../../path/dns-name.js';
import { NameConstraintChecks } from '../../path/name-constraints.js';
import { WorkBudget } from '../../path/work-budget.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/**
 * Without a dNSName OpenSSL takes a common name with a dot for one, and holds it to the constraints. GnuTLS does so with any, of a TLS server: to follow it
 * would leave no certificate without DNS names below a CA that constrains them.
 */
export const nameConstraintsCommonName: CertificateLintRule = {
  name: 'name-constraints-common-name',
  source: 'RFC 6125 §6.4.4',
  check: ({ certificate, chain }) => {
    const { subject, extensions } = certificate;
    if (isAuthority(certificate) || extensions.subjectAltName?.some(({ kind }) => kind === 'dns')) return undefined;
    const names = attributeValues(subject, Oid.commonName)
      .filter((text) => text.includes('.') && dnsName(text) !== undefined)
      .map((value): GeneralName => ({ kind: 'dns', value }));
    for (const ca of chain) {
      const problem = new NameConstraintChecks(new WorkBudget()).checkNames(ca, names);
      if (problem) return problem.message;
    }
    return undefined;
  },
};
