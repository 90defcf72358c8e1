import { Tag } from '../../../der/index.js';
import { Oid, oidName } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** Attributes that allow only one string type, and the tag of that type. */
export const FIXED_SYNTAX: ReadonlyMap<string, number> = new Map([
  [Oid.countryName, Tag.PRINTABLE_STRING],
  [Oid.serialNumber, Tag.PRINTABLE_STRING],
  [Oid.dnQualifier, Tag.PRINTABLE_STRING],
  [Oid.emailAddress, Tag.IA5_STRING],
  [Oid.domainComponent, Tag.IA5_STRING],
]);

export const subjectAttributeSyntax: CertificateLintRule = {
  name: 'subject-attribute-syntax',
  source: 'RFC 5280 appendix A.1',
  check: ({ certificate }) => {
    for (const { type, tag } of certificate.subject.rdns.flat()) {
      const expected = FIXED_SYNTAX.get(type) ?? tag;
      if (tag !== expected)
        return `${oidName(type)} is not of type ${expected === Tag.IA5_STRING ? 'IA5String' : 'PrintableString'}`;
    }
    return undefined;
  },
};
