import { configuredServices, ROLES, type Configuration } from '../configuration/index.js';
import {
  answerFrom,
  changeRecord,
  openRegistry,
  RegistryError,
  serviceRecord,
  shadowRecord,
  type RegisteredService,
  type Registry,
  type ServiceRecord,
} from '../registry/index.js';
import type { Store } from '../store/index.js';
import { describePairs, describeTable } from './output.js';
import { withStore, type Session } from './session.js';

/** The registry on a store, as the service would open it. */
export const registryOn = (store: Store, configuration: Configuration, session: Session): Promise<Registry> =>
  openRegistry({ store, configured: configuredServices(configuration), roles: ROLES, now: session.now });

/** Whether there is any certificate that an entry lets in at `time` (ms), which would then have the entry's roles. */
export function letsIn(entry: RegisteredService, time: number): boolean {
  const [pin = ''] = entry.terms.pins;
  return answerFrom([entry], { service: entry.name, spiffeId: undefined, spkiSha256: () => pin }, time).allowed;
}

const withRegistry = (session: Session, work: (registry: Registry) => Promise<void> | void): Promise<void> =>
  withStore(session, async (store, configuration) => work(await registryOn(store, configuration, session)));

/** `veritas services list`: every entry, those of the configuration and those of the registry. */
export function servicesList(session: Session, { state }: { readonly state?: string }): Promise<void> {
  return withRegistry(session, ({ services }) => {
    const records = services
      .list()
      .filter(({ terms }) => state === undefined || terms.state === state)
      .map(serviceRecord);
    const rows = records.map((record) => [
      record.name,
      stateOf(record),
      record.roles.join(',') || '-',
      validityOf(record),
      record.source,
      String(record.version),
    ]);
    session.output.result(records, describeTable(['NAME', 'STATE', 'ROLES', 'VALID', 'SOURCE', 'VERSION'], rows));
  });
}

/** `veritas services show`: the entry that holds for a name, which may be a pattern. */
export function servicesShow(session: Session, name: string): Promise<void> {
  return withRegistry(session, ({ services }) => {
    const [service = services.find(name)] = services.entriesFor({ service: name, spiffeId: undefined });
    if (!service) throw new RegistryError('service_unknown', `no entry holds for ${name}: it is not let in`);
    const record = serviceRecord(service);
    session.output.result(record, describeService(record));
  });
}

/** `veritas services history`: the changes to a name, the latest first. */
export function servicesHistory(
  session: Session,
  name: string,
  { limit = 100 }: { readonly limit?: number },
): Promise<void> {
  return withRegistry(session, async ({ changes }) => {
    const records = (await changes.history(name, { limit })).map(changeRecord);
    const rows = records.map(({ version, terms, changed_at, changed_by, request_id }) => [
      String(version),
      changed_at,
      terms ? stateOf(terms) : 'removed',
      terms?.roles.join(',') || '-',
      changed_by,
      request_id,
      terms?.note ?? '',
    ]);
    session.output.result(records, describeTable(['VERSION', 'AT', 'STATE', 'ROLES', 'BY', 'REQUEST', 'NOTE'], rows));
  });
}

/** `veritas services report`: the calls that shadows let pass, and that would have been refused. */
export function servicesReport(session: Session, { limit = 1000 }: { readonly limit?: number }): Promise<void> {
  return withRegistry(session, async ({ shadows }) => {
    const records = (await shadows.list(limit)).map(shadowRecord);
    const rows = records.map(({ service, method, route, code, calls, last_at, reason }) => [
      service,
      method,
      route,
      code,
      String(calls),
      last_at,
      reason,
    ]);
    session.output.result(
      records,
      describeTable(['SERVICE', 'METHOD', 'ROUTE', 'CODE', 'CALLS', 'LAST', 'REASON'], rows),
    );
    if (records.length === 0) session.output.progress('Nothing would have been refused.');
  });
}

/** An entry, for a person. */
export function describeService(record: ServiceRecord): string {
  const { rate } = record;
  return describePairs([
    ['Name', record.name],
    ['State', stateOf(record)],
    ['Roles', record.roles.join(', ') || '-'],
    ['Valid', validityOf(record)],
    ['Pins', record.pins.join(', ') || '-'],
    ['Rate', rate ? `${rate.per_second} a second, ${rate.burst} at once` : '-'],
    ['Note', record.note ?? '-'],
    ['Source', record.source],
    ['Version', String(record.version)],
    ...(record.changed_at === null
      ? []
      : ([['Changed', `${record.changed_at} by ${record.changed_by ?? ''} (${record.request_id ?? ''})`]] as const)),
  ]);
}

const stateOf = ({ state, tries }: Pick<ServiceRecord, 'state' | 'tries'>): string =>
  tries === null ? state : `${state} (tries ${tries})`;

const validityOf = ({ valid_from, valid_until }: Pick<ServiceRecord, 'valid_from' | 'valid_until'>): string =>
  [valid_from === null ? [] : `from ${valid_from}`, valid_until === null ? [] : `until ${valid_until}`]
    .flat()
    .join(' ') || 'always';
