import type { CertificateLintRule } from '../lint-rule.js';

export const version: CertificateLintRule = {
  name: 'version',
  source: 'RFC 5280 §4.1.2.1',
  check: ({ certificate }) =>
    certificate.version === 3 ? undefined : `the version is ${certificate.version}, and extensions need version 3`,
};
