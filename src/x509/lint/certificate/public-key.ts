import { keyDefect } from '../../path/key-policy.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const publicKey: CertificateLintRule = {
  name: 'public-key',
  source: 'NIST SP 800-57 part 1 §5.6.1',
  check: ({ certificate }) => keyDefect(certificate.publicKey.parameters)?.message,
};
