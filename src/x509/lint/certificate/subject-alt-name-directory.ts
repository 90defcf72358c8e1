import { isEmptyName } from '../../name.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** The rules for the other kinds of names refuse empty names of those kinds. */
export const subjectAltNameDirectory: CertificateLintRule = {
  name: 'subject-alt-name-directory',
  source: 'RFC 5280 §4.2.1.6',
  check: ({ certificate: { extensions } }) =>
    extensions.subjectAltName?.some((name) => name.kind === 'directory' && isEmptyName(name.value))
      ? 'subjectAltName has an empty directoryName'
      : undefined,
};
