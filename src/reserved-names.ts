import type { Configuration } from './configuration/index.js';
import { ReservedNames } from './pki/index.js';
import type { Certificate } from './x509/index.js';

/**
 * What only operators and administrators have certified: the services with roles, and every name that the HTTPS listener's certificate has now, under
 * which clients hand in requests and tokens.
 */
export function reservedNamesOf(
  roles: Configuration['mtls']['roles'],
  serverCertificate: () => Certificate | undefined,
): () => ReservedNames {
  const withRoles = roles.filter((entry) => entry.roles.length > 0).map(({ service }) => service);
  const services = withRoles.filter((service) => !isUri(service));
  const ids = withRoles.filter(isUri).map((value) => ({ kind: 'uri', value }) as const);
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
