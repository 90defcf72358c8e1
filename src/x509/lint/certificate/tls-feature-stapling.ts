import { TlsFeature } from '../../certificate-extensions.js';
import { Oid } from '../../oids.js';
import type { CertificateLintRule } from '../lint-rule.js';

/** With noRevAvail there is no OCSP response that could be stapled. */
export const tlsFeatureStapling: CertificateLintRule = {
  name: 'tls-feature-stapling',
  source: 'RFC 7633 §4.2',
  check: ({ certificate }) =>
    certificate.extensions.all.has(Oid.noRevAvail) &&
    certificate.extensions.tlsFeature?.includes(TlsFeature.statusRequest)
      ? 'tlsFeature requires an OCSP response, and noRevAvail says that there is none'
      : undefined,
};
