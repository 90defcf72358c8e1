import type { Configuration } from '../configuration/index.js';
import { ReservedNames } from '../pki/index.js';
import type { Certificate } from '../x509/index.js';

/**
 * The names that only operators and administrators may have certified: services that have roles, in the settings or in the registry now; trusted
 * proxies, which can speak for everybody; and every name in the HTTPS listener's current certificate, because clients send requests and tokens to
 * those names.
 */
export function reservedNamesOf(
  { roles, trustedProxies }: Pick<Configuration['mtls'], 'roles' | 'trustedProxies'>,
  registry: { readonly epoch: number; readonly namesWithRoles: () => Iterable<string> },
  serverCertificate: () => Certificate | undefined,
): () => ReservedNames {
  const withRoles = roles.filter((entry) => entry.roles.length > 0);
  const configured = [...withRoles, ...trustedProxies].map(({ service }) => service);
  let of: { readonly certificate: Certificate | undefined; readonly epoch: number } | undefined;
  let reserved = new ReservedNames({ services: [], names: [] });
  return () => {
    const certificate = serverCertificate();
    if (of?.certificate !== certificate || of?.epoch !== registry.epoch) {
      of = { certificate, epoch: registry.epoch };
      reserved = new ReservedNames({
        services: [...configured, ...registry.namesWithRoles()],
        names: certificate?.extensions.subjectAltName ?? [],
      });
    }
    return reserved;
  };
}
