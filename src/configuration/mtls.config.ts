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
import { decimal, duration, integer, list, objects, oneOf, path, text } from './setting.js';

const exactPath = text('an exact path that begins with / and has no pattern, query or fragment', /^\/[^\s?#*]*$/);
const crlSource = text(
  'the path of a file, or an http or https URL without user and password',
  // What looks like a URL must be one that can be fetched; all else is a path.
  /^(?:https?:\/\/[^\s/@?#]+(?:[/?][^\s#]*)?|(?![a-z][a-z0-9+.-]*:\/\/)\S(?:.*\S)?)$/i,
);

const bundleSource = text(
  'the path of a file, or an https URL without user and password',
  /^(?:https:\/\/[^\s/@?#]+(?:[/?][^\s#]*)?|(?![a-z][a-z0-9+.-]*:\/\/)\S(?:.*\S)?)$/i,
);

const trustDomainSchema = z.strictObject({
  name: trustDomain.describe('The name of the trust domain.'),
  bundle: bundleSource.describe(
    'Its CAs: a SPIFFE trust bundle (JWK set) or PEM, in a file or at an https URL, which is asked again as the bundle says.',
  ),
  caFile: path("the path of a PEM file with the CAs of the URL's server")
    .exactOptional()
    .describe("The CAs that the URL's server must lead to, a PEM file; those of the web when absent."),
  endpointSpiffeId: spiffeId
    .exactOptional()
    .describe(
      "The SPIFFE ID of the URL's server, which is then verified by the bundle of that ID's trust domain (the profile `https_spiffe`) and not as on the web.",
    ),
  endpointBundleFile: path('the path of a PEM or JSON file')
    .exactOptional()
    .describe(
      'Where `endpointSpiffeId` is of this very domain: the bundle by which its server is known until one was read from it.',
    ),
  intermediatesFile: path('the path of a PEM file')
    .exactOptional()
    .describe('CA certificates between the bundle and the services, which the bundle does not hold, a PEM file.'),
  revocation: oneOf(['hard-fail', 'soft-fail', 'off'])
    .exactOptional()
    .describe('For certificates of this domain, instead of `mtls.revocation`.'),
});

const rolesSchema = z.strictObject({
  service: serviceOrSpiffeId.describe('The exact name of a service, one of `mtls.services`.'),
  roles: list(oneOf(ROLES), `roles out of ${ROLES.join(', ')}`).describe('What it may do.'),
});
const DEFAULT_ROLES: readonly z.output<typeof rolesSchema>[] = [
  { service: 'admin-client', roles: ['admin', 'issuer', 'auditor'] },
  { service: 'monitoring-service', roles: ['metrics'] },
  { service: 'backup-service', roles: ['backup'] },
];

const rateSchema = z.strictObject({
  service: serviceOrAny.describe('The exact name of a service, or `*`: each service that has no entry of its own.'),
  perSecond: decimal(0.001, 1_000_000).describe('How many requests a second, in the long run.'),
  burst: integer(1, 1_000_000).describe('How many at once after a rest, which come back within a day.'),
});

/** Who is on the other end, and may they pass. */
const mtlsFields = z.strictObject({
  issuerOrganization: text('an organization name, 1 to 64 characters', /^\S(?:.*\S)?$/, 64)
    .default('VERITAS Framework')
    .describe("The organization (O) that a client certificate's issuer must have. Not asked of `trustDomains`."),
  serviceFrom: list(oneOf(['cn', 'dns', 'spiffe']), 'places out of cn, dns, spiffe', 1)
    .default(['cn'])
    .describe(
      'Where the name of a service is read, in order: `cn` (the common name), `dns` (the one DNS name), `spiffe` (the one URI, a SPIFFE ID, whole). The first place where a certificate has anything counts.',
    ),
  trustDomain: trustDomain
    .exactOptional()
    .describe('The trust domain of the CAs in `tls.caFile`: they then vouch for no SPIFFE ID of another one.'),
  trustDomains: objects(
    trustDomainSchema,
    '`{ name, bundle }`: a trust domain, and the file or https URL of its trust bundle',
  )
    .default([])
    .describe(
      'Other trust domains, whose CAs vouch for their own SPIFFE IDs and for nothing else. Needs `spiffe` in `serviceFrom`.',
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
      'The services that may pass; `spiffe://prod.example/ns/*` is every SPIFFE ID below. An empty list lets nobody pass.',
    ),
  roles: objects(
    rolesSchema,
    '`{ service, roles }`: a service name, and roles out of admin, issuer, auditor, metrics, backup',
  )
    .default([...DEFAULT_ROLES])
    .describe(
      'What services may do beyond calling. `issuer` has certificates issued, within the `requesters` of the profile and none of a service that is named here; `admin` beside it has any; `auditor` reads the inventory.',
    ),
  rates: objects(rateSchema, '`{ service, perSecond, burst }`: a service name or *, and how many requests')
    .default([])
    .describe(
      'How many requests a service may send; more are refused with `rate_limited`. Each has a budget of its own, which all nodes on one PostgreSQL share. A service without an entry, where there is none for `*`, has no bound.',
    ),
  exemptPaths: list(exactPath, 'exact paths')
    .default([])
    .describe(
      'Paths that answer without a client certificate, besides the public routes; none with a route that has to know its caller, such as `/api/v1/whoami`. Each opens a door: prefer none.',
    ),
  revocation: oneOf(['hard-fail', 'soft-fail', 'off'])
    .default('hard-fail')
    .describe(
      'What happens when it cannot be known whether a certificate is revoked: `hard-fail` refuses, `soft-fail` lets pass and logs, `off` never asks.',
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
      'Revocation lists of other CAs. Each is verified against its issuer: `issuer`, or else a certificate of `tls.caFile`.',
    ),
  crlRefreshInterval: duration('ms', 10, 2_073_600_000)
    .default(60_000)
    .describe('How often the sources in `crls` are read again.'),
  trustedProxies: trustedProxiesSchema
    .default([])
    .describe(
      "Proxies that end TLS and hand on their client's certificate, each by its own certificate on its connection. From anybody else such a header is refused.",
    ),
  intermediatesFile: path('the path of a PEM file')
    .exactOptional()
    .describe('Intermediate CA certificates for clients that send their own certificate only.'),
});

/** Roles that nobody could use, or that two entries say differently, and rates of the same kind. The defaults may name services that an operator took off the list. */
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

/** What could never be, of a bundle's server that is known by its SPIFFE ID. */
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
