import { Tag } from '../../../der/index.js';
import { oidName } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

const OUTDATED: ReadonlySet<number> = new Set([Tag.TELETEX_STRING, Tag.BMP_STRING, Tag.UNIVERSAL_STRING]);

export const subjectStringType: CertificateLintRule = {
  name: 'subject-string-type',
  source: 'RFC 5280 §4.1.2.4',
  check: ({ certificate }) => {
    for (const { type, tag } of certificate.subject.rdns.flat())
      if (OUTDATED.has(tag)) return `${oidName(type)} is neither PrintableString nor UTF8String`;
    return undefined;
  },
};
