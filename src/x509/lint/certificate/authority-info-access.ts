import { isHttpUri } from '../../absolute-uri.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const authorityInfoAccess: CertificateLintRule = {
  name: 'authority-info-access',
  source: 'RFC 5280 §4.2.2.1',
  check: ({ certificate }) =>
    certificate.extensions.authorityInfoAccess?.every(
      ({ accessLocation: { kind, value } }) => kind === 'uri' && isHttpUri(value),
    ) === false
      ? 'an access location is not an http URI'
      : undefined,
};
