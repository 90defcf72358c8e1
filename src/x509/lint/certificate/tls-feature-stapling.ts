import { TlsFeature } from '../../certificate-extensions.js';
import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** Nothing could ever be stapled. */
export const tlsFeatureStapling: CertificateLintRule = {
  name: 'tls-feature-stapling',
  source: 'RFC 7633 §4.2',
  check: ({ certificate }) =>
    certificate.extensions.all.has(Oid.noRevAvail) &&
    certificate.extensions.tlsFeature?.includes(TlsFeature.statusRequest)
      ? 'it insists on an OCSP response, and says beside that there is none'
      : undefined,
};
