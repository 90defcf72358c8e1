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
  const withRoles = roles.filter((entry) => entry.roles.length > 0);
  const named = [...withRoles, ...trustedProxies].map(({ service }) => service);
  const services = named.filter((service) => !isUri(service));
  const ids = named.filter(isUri).map((value) => ({ kind: 'uri', value }) as const);
  let of: Certificate | undefined;
  let reserved = new ReservedNames({ services, names: ids });
  return () => {
    const certificate = serverCertificate();
    if (certificate !== of) {
      of = certificate;
      reserved = new ReservedNames({ services, names: [...ids, ...(certificate?.extensions.subjectAltName ?? [])] });
    }
    return reserved;
  };
}

const isUri = (service: string): boolean => service.includes('://');
