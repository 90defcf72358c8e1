import { generalNameToString } from '../../general-name.js';
import { isAbsoluteUri } from '../../absolute-uri.js';
import type { CertificateLintRule } from '../lint-rule.js';

export const subjectAltNameUri: CertificateLintRule = {
  name: 'subject-alt-name-uri',
  source: 'RFC 5280 §4.2.1.6',
  check: ({ certificate }) => {
    const wrong = certificate.extensions.subjectAltName?.find(
      ({ kind, value }) => kind === 'uri' && !isAbsoluteUri(value),
    );
    return wrong && `${generalNameToString(wrong)} is not an absolute URI with a host`;
  },
};
