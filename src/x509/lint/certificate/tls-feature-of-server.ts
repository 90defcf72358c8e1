import { Oid } from '../../oids.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** Only servers staple OCSP responses in a handshake. */
export const tlsFeatureOfServer: CertificateLintRule = {
  name: 'tls-feature-of-server',
  source: 'RFC 7633 §4.2',
  check: ({ certificate }) =>
    certificate.extensions.tlsFeature &&
    !isAuthority(certificate) &&
    !certificate.extensions.extendedKeyUsage?.includes(Oid.serverAuth)
      ? 'the certificate has tlsFeature and is not for serverAuth'
      : undefined,
};
