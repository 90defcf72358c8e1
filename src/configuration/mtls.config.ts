import * as z from 'zod';
import {
  ROLES,
  serviceOrAny,
  serviceOrSpiffeId,
  servicePattern,
  spiffeId,
  trustDomain,
} from './service-roles.setting.js';
import { problemsOfProxies, trustedProxiesSchema } from './trusted-proxies.setting.js';
import { decimal, duration, flag, integer, list, objects, oneOf, path, text } from './setting.js';

// As the guard compares it: any other path would never be exempt.
const exactPath = text(
  'an exact path that begins with / and has none of ? # * % ; \\ and no empty or dot segments',
  /^(?!.*\/(?:\/|\.{1,2}(?:\/|$)))\/[^\s?#*%;\\]*$/,
);
const crlSource = text(
  'the path of a file, or an http or https URL without user and password',
  // Anything that looks like a URL must be one that can be fetched; everything else is a path.
  /^(?:https?:\/\/[^\s/@?#]+(?:[/?][^\s#]*)?|(?![a-z][a-z0-9+.-]*:\/\/)\S(?:.*\S)?)$/i,
);

const bundleSource = text(
  'the path of a file, or an https URL without user and password',
  /^(?:https:\/\/[^\s/@?#]+(?:[/?][^\s#]*)?|(?![a-z][a-z0-9+.-]*:\/\/)\S(?:.*\S)?)$/i,
);

const trustDomainSchema = z.strictObject({
  name: trustDomain.describe('The name of the trust domain.'),
  bundle: bundleSource.describe(
    'The CAs of the trust domain: a SPIFFE trust bundle (JWK set) or PEM, in a file or at an https URL. The service reads a URL again at the interval that the bundle names.',
  ),
  caFile: path("the path of a PEM file with the CAs of the URL's server")
    .exactOptional()
    .describe(
      "A PEM file of the CAs that the certificate of the URL's server must lead to. Absent: the public CAs that Node.js trusts.",
    ),
  endpointSpiffeId: spiffeId
    .exactOptional()
    .describe(
      "The SPIFFE ID of the URL's server. The server is then verified with the bundle of that ID's trust domain (the profile `https_spiffe`) and not by its host name.",
    ),
  endpointBundleFile: path('the path of a PEM or JSON file')
    .exactOptional()
    .describe(
      'The bundle to verify the server with until the first bundle was read from it. Only for an `endpointSpiffeId` of this same trust domain.',
    ),
  intermediatesFile: path('the path of a PEM file')
    .exactOptional()
    .describe('A PEM file of intermediate CA certificates between the CAs of the bundle and the services.'),
  presentedIntermediates: flag()
    .exactOptional()
    .describe('As `mtls.presentedIntermediates`, for certificates of this trust domain; `false` when absent.'),
  revocation: oneOf(['hard-fail', 'soft-fail', 'off'])
    .exactOptional()
    .describe('Replaces `mtls.revocation` for certificates of this trust domain.'),
});

const rolesSchema = z.strictObject({
  service: serviceOrSpiffeId.describe('The exact name of a service, one of `mtls.services`.'),
  roles: list(oneOf(ROLES), `roles out of ${ROLES.join(', ')}`).describe('The roles of the service.'),
});
const DEFAULT_ROLES: readonly z.output<typeof rolesSchema>[] = [
  { service: 'admin-client', roles: ['admin', 'issuer', 'auditor'] },
  { service: 'monitoring-service', roles: ['metrics'] },
  { service: 'backup-service', roles: ['backup'] },
];

const rateSchema = z.strictObject({
  service: serviceOrAny.describe('The exact name of a service, or `*` for each service without an entry of its own.'),
  perSecond: decimal(0.001, 1_000_000).describe('The most requests per second in the long run.'),
  burst: integer(1, 1_000_000).describe(
    'The most requests at once after a pause. At the rate `perSecond` they must be available again within a day.',
  ),
});

/** Which clients may call, and what they may do. */
const mtlsFields = z.strictObject({
  issuerOrganization: text('an organization name, 1 to 64 characters', /^\S(?:.*\S)?$/, 64)
    .default('VERITAS Framework')
    .describe(
      'The organization (O) that the issuer of a client certificate must have. Does not apply to `trustDomains`.',
    ),
  serviceFrom: list(oneOf(['cn', 'dns', 'spiffe']), 'places out of cn, dns, spiffe', 1)
    .default(['cn'])
    .describe(
      'Where in a certificate the name of the service is read, in order: `cn` (the common name), `dns` (the only DNS name), `spiffe` (the only URI, a whole SPIFFE ID). The first of these places that the certificate has counts.',
    ),
  trustDomain: trustDomain
    .exactOptional()
    .describe(
      'The trust domain of the CAs in `tls.caFile`. When it is set, these CAs are not accepted for SPIFFE IDs of other trust domains.',
    ),
  trustDomains: objects(
    trustDomainSchema,
    '`{ name, bundle }`: a trust domain, and the file or https URL of its trust bundle',
  )
    .default([])
    .describe(
      'Other trust domains. Their CAs are accepted for SPIFFE IDs of their own trust domain and for nothing else. Needs `spiffe` in `serviceFrom`.',
    ),
  services: list(servicePattern, 'service names and SPIFFE IDs')
    .default([
      'veritas-client',
      'veritas-frontend',
      'veritas-worker',
      'veritas-agent',
      'admin-client',
      'test-client',
      'monitoring-service',
      'backup-service',
    ])
    .describe(
      'The services that may call. `spiffe://prod.example/ns/*` stands for every SPIFFE ID below `spiffe://prod.example/ns`. With an empty list no service may call.',
    ),
  roles: objects(
    rolesSchema,
    '`{ service, roles }`: a service name, and roles out of admin, issuer, auditor, metrics, backup',
  )
    .default([...DEFAULT_ROLES])
    .describe(
      'What services may do beyond calling. `issuer` may request certificates as far as the `requesters` of the profile allow, but not in the name of a service that is listed here; with `admin` as well it may request any certificate. `auditor` may read the inventory.',
    ),
  rates: objects(rateSchema, '`{ service, perSecond, burst }`: a service name or *, and how many requests')
    .default([])
    .describe(
      'How many requests a service may send; further ones are refused with `rate_limited`. Each service has its own budget, which all nodes on one PostgreSQL database share. A service without an entry has no limit unless there is an entry for `*`.',
    ),
  exemptPaths: list(exactPath, 'exact paths')
    .default([])
    .describe(
      'Paths that are answered without a client certificate, in addition to the public routes. A route that needs to know its caller, such as `/api/v1/whoami`, cannot be listed. Everyone can reach these paths: list none if possible.',
    ),
  revocation: oneOf(['hard-fail', 'soft-fail', 'off'])
    .default('hard-fail')
    .describe(
      'What the guard does when it cannot find out whether a certificate is revoked: `hard-fail` refuses it, `soft-fail` accepts and logs it. `off` never checks revocation.',
    ),
  crls: objects(
    z.strictObject({
      source: crlSource.describe('A file or an http(s) URL, DER or PEM.'),
      issuer: path("the path of a PEM file with the CRL issuer's certificate")
        .exactOptional()
        .describe("The CRL issuer's certificate, a PEM file."),
    }),
    '`{ source, issuer }`: a file or http(s) URL, and optionally a PEM file of the CRL issuer',
  )
    .default([])
    .describe(
      'Revocation lists of other CAs. The signature of each list is verified with the certificate in `issuer`, or without one with a certificate of `tls.caFile`.',
    ),
  crlRefreshInterval: duration('ms', 10, 2_073_600_000)
    .default(60_000)
    .describe('How often the sources in `crls` are read again.'),
  trustedProxies: trustedProxiesSchema
    .default([])
    .describe(
      'Proxies that terminate TLS and pass on the certificate of their client in a header. A proxy authenticates with its own certificate on its connection. Such a header from any other peer is refused.',
    ),
  intermediatesFile: path('the path of a PEM file')
    .exactOptional()
    .describe('A PEM file of intermediate CA certificates between those of `tls.caFile` and the clients.'),
  presentedIntermediates: flag()
    .default(false)
    .describe(
      'Whether a client may itself present the intermediate CA certificates that are not in these files. If so, a CA that is removed from the files is still trusted until the CA above it revokes its certificate.',
    ),
});

/**
 * Refuses roles for services that cannot call, and a service that has two entries in `roles` or `rates`. The default roles may name services that an
 * operator removed from `services`.
 */
export const mtlsSchema = mtlsFields.superRefine(
  ({ roles, services, serviceFrom, trustDomain, trustDomains, trustedProxies, rates }, context) => {
    const refuse = (path: (string | number)[], message: string) => {
      context.addIssue({ code: 'custom', path, message });
    };
    for (const { path, message } of problemsOfProxies(trustedProxies, { services, roles }))
      refuse(['trustedProxies', ...path], message);
    rates.forEach(({ service, perSecond, burst }, index) => {
      if (rates.findIndex((other) => other.service === service) < index)
        refuse(['rates', index, 'service'], 'one entry for each service');
      if (burst / perSecond > 86_400) refuse(['rates', index, 'burst'], 'at most as much as comes back within a day');
    });
    roles.forEach((entry, index) => {
      const { service } = entry;
      const path = ['roles', index, 'service'];
      if (roles.findIndex((other) => other.service === service) < index) refuse(path, 'one entry for each service');
      else if (!services.some((pattern) => isIn(pattern, service)) && !DEFAULT_ROLES.includes(entry))
        refuse(path, 'a service of mtls.services');
    });
    if (new Set(serviceFrom).size < serviceFrom.length) refuse(['serviceFrom'], 'each place once');
    if (trustDomains.length > 0 && !serviceFrom.includes('spiffe'))
      refuse(['serviceFrom'], 'spiffe among the places, for mtls.trustDomains');
    trustDomains.forEach(({ name }, index) => {
      if (name === trustDomain || trustDomains.findIndex((other) => other.name === name) < index)
        refuse(['trustDomains', index, 'name'], 'one entry for each trust domain, and none for mtls.trustDomain');
    });
    const known = [trustDomain, ...trustDomains.map(({ name }) => name)];
    trustDomains.forEach((entry, index) => {
      for (const { field, message } of problemsOfEndpoint(entry, known))
        refuse(['trustDomains', index, field], message);
    });
  },
);

/** The contradictions in an entry whose bundle server is authenticated by its SPIFFE ID. */
function problemsOfEndpoint(
  { name, bundle, caFile, endpointSpiffeId: id, endpointBundleFile: file }: z.output<typeof trustDomainSchema>,
  known: readonly (string | undefined)[],
): readonly { readonly field: string; readonly message: string }[] {
  const field = 'endpointBundleFile';
  if (id === undefined) return file === undefined ? [] : [{ field, message: 'endpointSpiffeId beside it' }];
  const domain = id.split('/')[2];
  const isSelfServing = domain === name;
  return [
    { field: 'bundle', message: 'an https URL, for endpointSpiffeId', holds: /^https:/i.test(bundle) },
    { field: 'caFile', message: 'nothing beside endpointSpiffeId', holds: caFile === undefined },
    {
      field: 'endpointSpiffeId',
      message: 'an ID of mtls.trustDomain, or of an entry of mtls.trustDomains',
      holds: known.includes(domain),
    },
    {
      field,
      message: isSelfServing ? 'a file, for an endpointSpiffeId of this very domain' : `nothing: ${domain} has its own`,
      holds: isSelfServing === (file !== undefined),
    },
  ].filter(({ holds }) => !holds);
}

const isIn = (pattern: string, service: string): boolean =>
  pattern.endsWith('/*') ? service.startsWith(pattern.slice(0, -1)) : service === pattern;
