import { generalNameToString } from '../../general-name.js';
import type { CertificateLintRule } from '../lint-rule.js';

const COMPARED: ReadonlySet<string> = new Set(['dns', 'ip', 'uri', 'email']);

/** No verifier needs the same name twice. DNS names are compared without regard to case. */
export const subjectAltNameUnique: CertificateLintRule = {
  name: 'subject-alt-name-unique',
  source: 'RFC 5280 §4.2.1.6',
  check: ({ certificate }) => {
    const names = (certificate.extensions.subjectAltName ?? [])
      // The text form of the other kinds is not complete, so different names could look equal.
      .filter(({ kind }) => COMPARED.has(kind))
      .map((name) => (name.kind === 'dns' ? name.value.toLowerCase() : generalNameToString(name)));
    return new Set(names).size < names.length ? 'subjectAltName has the same name twice' : undefined;
  },
};
