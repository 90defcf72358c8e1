import { hash } from 'node:crypto';
import type { Configuration } from '../configuration/index.js';
import { accessOf, isServiceName, type Authorizer, type RouteAccess } from '../mtls/index.js';
import { answerFrom, type RegisteredService, type Registry } from '../registry/index.js';
import { trustDomainOf } from '../x509/index.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { describeTable } from './output.js';
import { letsIn, registryOn } from './services.js';
import { withStore, type Session } from './session.js';
import type { DescribedRoute, Host } from './verb.js';

/** The flags of `veritas services matrix`. */
export interface MatrixOptions {
  readonly service?: readonly string[];
  readonly openapi?: boolean;
}

/** What happens when a service calls a route, and why. */
interface MatrixCell extends RouteAccess {
  readonly method: string;
  readonly path: string;
  /** The name of an entry, or of a service for which one holds, or one of the two below. */
  readonly service: string;
}

/** Somebody without a certificate. */
const NOBODY = '(no certificate)';
/** A service for which there is no entry. */
const ANY_OTHER = '(any other service)';

/** `veritas services matrix`: what happens when each service calls each route, and why, by asking the functions that the guard asks. */
export async function servicesMatrix(
  session: Session,
  options: MatrixOptions,
  routes: NonNullable<Host['routes']>,
): Promise<void> {
  await withStore(session, async (store, configuration) => {
    const { services } = await registryOn(store, configuration, session);
    const entries = options.service?.map((name) => entryUnder(name, services)) ?? services.list();
    const cells = accessMatrix(await routes(configuration), entries, session.now().getTime(), configuration);
    if (options.openapi) {
      const document = openApiOf(cells);
      session.output.result(document, JSON.stringify(document, undefined, 2));
      return;
    }
    const rows = cells.map(({ method, path, service, outcome, code, why }) => [
      method,
      path,
      service,
      outcome,
      code ?? '-',
      why,
    ]);
    session.output.result(cells, describeTable(['METHOD', 'PATH', 'SERVICE', 'OUTCOME', 'CODE', 'WHY'], rows));
  });
}

/** The entry that holds for a service, under its name. Throws CommandError. */
function entryUnder(name: string, services: Registry['services']): RegisteredService {
  const [entry = services.find(name)] = services.entriesFor({ service: name, spiffeId: undefined });
  if (entry) return { ...entry, name };
  throw new CommandError(
    `no entry holds for ${name}: it is not let in`,
    ExitCode.refused,
    'look with `veritas services list`',
  );
}

/**
 * A cell for each route with each entry, with a caller without a certificate, and with a service without an entry; `time` in milliseconds. An entry
 * for a name stands for that service without a SPIFFE ID; one for a SPIFFE ID stands for whoever has that ID and no entry by name. The certificates
 * are taken to be of our own CA, and those with an ID of another trust domain of the CA of that.
 */
function accessMatrix(
  routes: readonly DescribedRoute[],
  entries: readonly RegisteredService[],
  time: number,
  { mtls, tls: { clientAuth } }: Configuration,
): MatrixCell[] {
  const { trustedProxies, trustDomains } = mtls;
  const proxies = new Set(trustedProxies.map(({ service }) => service));
  const isOfOther = ({ name }: RegisteredService): boolean =>
    trustDomains.some((domain) => name.startsWith(`spiffe://${domain.name}/`));
  return routes.flatMap((route) => {
    const { method, path } = route;
    const cell = (service: string, access: RouteAccess): MatrixCell => ({
      method,
      path,
      service,
      ...unlessExempt(route, access),
    });
    const nobody = conditionally(route, undefined, accessOf(route.policy, undefined, askRegistry(undefined, time)));
    const proxy = nobody.outcome === 'refused' ? { ...nobody, why: 'a trusted proxy is nobody by itself' } : nobody;
    const accessFor = (entry: RegisteredService): RouteAccess => {
      const unnamed = route.policy.public ? undefined : namesNobody(entry, mtls);
      if (unnamed) return unnamed;
      return proxies.has(entry.name) ? proxy : accessOfEntry(route, entry, time, isOfOther(entry));
    };
    return [
      clientAuth === 'required' ? { method, path, service: NOBODY, ...NO_HANDSHAKE } : cell(NOBODY, nobody),
      cell(ANY_OTHER, accessOfEntry(route, undefined, time)),
      ...entries.map((entry) => cell(entry.name, accessFor(entry))),
    ];
  });
}

const NO_HANDSHAKE: RouteAccess = { outcome: 'refused', why: 'in the handshake, by tls.clientAuth' };

/** The refusal where no certificate gives anybody the name of an entry. */
function namesNobody(
  { name }: RegisteredService,
  { serviceFrom, trustDomain, trustDomains }: Configuration['mtls'],
): RouteAccess | undefined {
  if (name.startsWith('spiffe://')) {
    const domain = trustDomainOf(name);
    if (trustDomain === undefined || [trustDomain, ...trustDomains.map((other) => other.name)].includes(domain))
      return undefined;
    return { outcome: 'refused', code: 'untrusted_issuer', why: `no CA here speaks for the trust domain ${domain}` };
  }
  if (isServiceName(name.replace('*', 'x'), serviceFrom)) return undefined;
  return { outcome: 'refused', code: 'service_not_allowed', why: 'nobody has this name, by mtls.serviceFrom' };
}

function accessOfEntry(
  route: DescribedRoute,
  entry: RegisteredService | undefined,
  time: number,
  isOfOther = false,
): RouteAccess {
  const allowList = askRegistry(entry, time);
  // Another trust domain makes no administrators.
  const hasRoles = entry !== undefined && !isOfOther && letsIn(entry, time);
  const roles: ReadonlySet<string> = new Set(hasRoles ? entry.terms.roles : []);
  return conditionally(route, roles, accessOf(route.policy, { ...knownOf(entry), roles }, allowList));
}

/** What an entry says about its caller's names: a pattern says nothing for certain. */
function knownOf(entry: RegisteredService | undefined): {
  readonly service?: string;
  readonly spiffeId?: string | undefined;
} {
  if (!entry || entry.name.endsWith('*')) return {};
  return entry.name.startsWith('spiffe://') ? { spiffeId: entry.name } : { service: entry.name, spiffeId: undefined };
}

const askRegistry =
  (entry: RegisteredService | undefined, time: number): Authorizer =>
  (identity) =>
    answerFrom(
      entry ? [entry] : [],
      {
        service: entry?.name ?? 'of this name',
        spiffeId: undefined,
        spkiSha256: () => hash('sha256', identity.certificate.publicKey.der),
      },
      time,
    );

/** Exempt paths, about which the guard does not ask at all. */
function unlessExempt({ path, exempt, policy }: DescribedRoute, access: RouteAccess): RouteAccess {
  if (policy.public || exempt.length === 0) return access;
  const by = 'by mtls.exemptPaths';
  if (exempt.includes(path)) return { outcome: 'public', why: `open to anybody ${by}` };
  return { outcome: 'depends', why: `open to anybody at ${exempt.join(', ')} ${by}; ${access.why}` };
}

/** What the handler itself decides, after the guard. */
function conditionally(
  { role, byToken }: DescribedRoute,
  roles: ReadonlySet<string> | undefined,
  access: RouteAccess,
): RouteAccess {
  if (byToken) return { ...access, why: 'whoever has a one-time token' };
  if (!role || (access.outcome !== 'allowed' && access.outcome !== 'shadowed')) return access;
  if (roles?.has(role.name))
    return access.outcome === 'allowed' ? { ...access, why: `has the role ${role.name}` } : access;
  return { outcome: 'depends', why: `without the role ${role.name}: ${role.or}` };
}

/** The matrix as an extension of the OpenAPI document: the cells of each operation, to be merged into the document of the service. */
function openApiOf(cells: readonly MatrixCell[]): object {
  const paths: Record<string, Record<string, { 'x-veritas-access': Record<string, RouteAccess> }>> = {};
  for (const { method, path, service, ...access } of cells) {
    const operations = (paths[path.replaceAll(/:(\w+)/g, '{$1}')] ??= {});
    const operation = (operations[method.toLowerCase()] ??= { 'x-veritas-access': {} });
    operation['x-veritas-access'][service] = access;
  }
  return { paths };
}
