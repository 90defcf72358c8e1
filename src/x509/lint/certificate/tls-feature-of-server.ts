import { Oid } from '../../oids.js';
import { isAuthority, type CertificateLintRule } from '../lint-rule.js';

/** A client has no handshake to staple anything to. */
export const tlsFeatureOfServer: CertificateLintRule = {
  name: 'tls-feature-of-server',
  source: 'RFC 7633 §4.2',
  check: ({ certificate }) =>
    certificate.extensions.tlsFeature &&
    !isAuthority(certificate) &&
    !certificate.extensions.extendedKeyUsage?.includes(Oid.serverAuth)
      ? 'tlsFeature stands in a certificate that is not for serverAuth'
      : undefined,
};
