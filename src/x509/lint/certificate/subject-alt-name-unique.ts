import { generalNameToString } from '../../general-name.js';
import type { CertificateLintRule } from '../lint-rule.js';

const COMPARED: ReadonlySet<string> = new Set(['dns', 'ip', 'uri', 'email']);

/** No reader needs a name twice, and DNS names are the same in either case. */
export const subjectAltNameUnique: CertificateLintRule = {
  name: 'subject-alt-name-unique',
  source: 'RFC 5280 §4.2.1.6',
  check: ({ certificate }) => {
    const names = (certificate.extensions.subjectAltName ?? [])
      // The text of other kinds does not say all of them.
      .filter(({ kind }) => COMPARED.has(kind))
      .map((name) => (name.kind === 'dns' ? name.value.toLowerCase() : generalNameToString(name)));
    return new Set(names).size < names.length ? 'subjectAltName has a name twice' : undefined;
  },
};
