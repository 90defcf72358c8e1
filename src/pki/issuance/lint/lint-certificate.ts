import { basicConstraints } from './basic-constraints.js';
import { criticality } from './criticality.js';
import { extendedKeyUsage } from './extended-key-usage.js';
import { issuerName } from './issuer-name.js';
import { keyIdentifiers } from './key-identifiers.js';
import { keyUsage } from './key-usage.js';
import type { LintRule, LintSubject } from './lint-rule.js';
import { publicationPoints } from './publication-points.js';
import { serialNumber } from './serial-number.js';
import { subjectAltName } from './subject-alt-name.js';
import { validity } from './validity.js';
import { version } from './version.js';

/** Every rule, one a file. */
const lintRules: readonly LintRule[] = [
  version,
  serialNumber,
  validity,
  issuerName,
  keyIdentifiers,
  basicConstraints,
  keyUsage,
  extendedKeyUsage,
  subjectAltName,
  publicationPoints,
  criticality,
];

/** The findings of all rules, each with its name and its source; none for a certificate that may be signed. */
export function lintCertificate(subject: LintSubject): string[] {
  return lintRules.flatMap(({ name, source, check }) => {
    const finding = check(subject);
    return finding === undefined ? [] : [`${name}: ${finding} (${source})`];
  });
}
