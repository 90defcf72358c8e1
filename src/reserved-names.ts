import type { Configuration } from './configuration/index.js';
import { ReservedNames } from './pki/index.js';
import type { Certificate } from './x509/index.js';

/**
 * What only operators and administrators have certified: the services with roles, the trusted proxies, who can speak for everybody, and every name that the HTTPS listener's certificate has now, under
 * which clients hand in requests and tokens.
 */
export function reservedNamesOf(
  { roles, trustedProxies }: Pick<Configuration['mtls'], 'roles' | 'trustedProxies'>,
  serverCertificate: () => Certificate | undefined,
): () => ReservedNames {
  const services = [...roles.filter((entry) => entry.roles.length > 0), ...trustedProxies].map(
    ({ service }) => service,
  );
  let of: Certificate | undefined;
  let reserved = new ReservedNames({ services, names: [] });
  return () => {
    const certificate = serverCertificate();
    if (certificate !== of) {
      of = certificate;
      reserved = new ReservedNames({ services, names: certificate?.extensions.subjectAltName ?? [] });
    }
    return reserved;
  };
}
