import { Tag } from '../../../der/index.js';
import { oidName } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';
import { FIXED_SYNTAX } from './subject-attribute-syntax.js';

const TEXT: ReadonlySet<number> = new Set([Tag.PRINTABLE_STRING, Tag.UTF8_STRING]);

/** For attributes that allow several string types; `subject-attribute-syntax` covers the others. */
export const subjectStringType: CertificateLintRule = {
  name: 'subject-string-type',
  source: 'RFC 5280 §4.1.2.4',
  check: ({ certificate }) => {
    for (const { type, tag } of certificate.subject.rdns.flat())
      if (!FIXED_SYNTAX.has(type) && !TEXT.has(tag))
        return `${oidName(type)} is neither PrintableString nor UTF8String`;
    return undefined;
  },
};
