import type { Configuration } from './configuration/index.js';
import { ReservedNames } from './pki/index.js';
import type { ServiceRegistry } from './registry/index.js';
import type { Certificate } from './x509/index.js';

/**
 * What only operators and administrators have certified: the services with roles, in the settings or the registry now, and every name that the HTTPS listener's certificate has now, under
 * which clients hand in requests and tokens.
 */
export function reservedNamesOf(
  roles: Configuration['mtls']['roles'],
  registry: ServiceRegistry,
  serverCertificate: () => Certificate | undefined,
): () => ReservedNames {
  const configured = roles.filter((entry) => entry.roles.length > 0).map(({ service }) => service);
  let of: { readonly certificate: Certificate | undefined; readonly epoch: number } | undefined;
  let reserved = new ReservedNames({ services: [], names: [] });
  return () => {
    const certificate = serverCertificate();
    if (of?.certificate !== certificate || of?.epoch !== registry.epoch) {
      of = { certificate, epoch: registry.epoch };
      const names = certificate?.extensions.subjectAltName ?? [];
      reserved = new ReservedNames({ services: [...configured, ...registry.namesWithRoles()], names });
    }
    return reserved;
  };
}
