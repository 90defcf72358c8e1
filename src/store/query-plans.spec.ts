import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Kysely, type CompiledQuery, type Dialect } from 'kysely';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { connected } from '../../test/support/postgres-server.js';
import { describeOnEachStore, type StoreKind, type StorePlace } from '../../test/support/postgres.js';
import { auditHead, lastChangeOfAuthorities, listAudit } from './audit.store.js';
import { countCertificateWindows, listCertificateWindow } from './certificate-window.store.js';
import { compromisedKeys, findCertificate, findIssued } from './certificate.store.js';
import { issuerSeenAt, unlistedPeers, unlistedSerials } from './peer.store.js';
import { findPolicy } from './policy.store.js';
import { countCertificates, encodeCursor, listCertificates, type CertificateFilter } from './inventory.store.js';
import { crlFloor, crlOctets, isFirstOfItsTime, lastCrlHeader, unplacedCrls } from './crl.store.js';
import { findEnrollmentToken } from './enrollment-token.store.js';
import { findIdempotency } from './idempotency.store.js';
import { activeIssuers, issuerUsage, servicesOfIssuer } from './issuer.store.js';
import {
  findServiceChange,
  lastServiceSequence,
  listServiceChanges,
  listShadowCounts,
  serviceHistory,
} from './service.store.js';
import { lastRevocationSequence, listReleases, serialStatuses } from './revocation.store.js';
import { readPage, revocationPage, revokedSerialPage } from './revocation-page.store.js';
import type { Database, Schema } from './schema.js';
import { nodeSqliteDialect } from './sqlite-dialect.js';
import { SqliteFailures } from './sqlite-error.js';
import { openStore } from './open-store.js';
import { WriterPostgresDialect } from './postgres-dialect.js';

const now = new Date();
const later = (milliseconds: number): Date => new Date(now.getTime() + milliseconds);
/** `next` of a page of `filter`, amid what {@link fill} has. */
const cursorOf = (filter: CertificateFilter): string =>
  encodeCursor({ at: later(filter.status === 'expired' ? -5e8 : 5e8).getTime(), serial: '0a' }, filter);

/** Every combination of filters, on the first page and further on, with the index that has its order. */
const listings = [undefined, 'active', 'expired', 'revoked'].flatMap((status) =>
  [undefined, 'service-7'].flatMap((service) =>
    [undefined, later(1e9)].flatMap((expiresBefore) =>
      [false, true].map((isFurther) => {
        const byEnd = expiresBefore !== undefined || status === 'active' || status === 'expired';
        const wanted = { status, service, expiresBefore } as CertificateFilter;
        const filter = { ...wanted, cursor: isFurther ? cursorOf(wanted) : undefined };
        return { filter, indexes: indexesFor(filter, byEnd), bounds: boundsOf(filter, byEnd) };
      }),
    ),
  ),
);

function indexesFor({ status, service }: CertificateFilter, byEnd: boolean): string[] {
  if (byEnd) {
    const rows = status === undefined ? ['active', 'revoked'] : [status === 'revoked' ? 'revoked' : 'active'];
    return rows.map((each) => `certificate_${each}_by_${service === undefined ? '' : 'service_and_'}end`);
  }
  if (status === 'revoked') return [`certificate_revoked_by_${service === undefined ? 'issued_at' : 'service'}`];
  return [`certificate_by_${service === undefined ? 'issued_at' : 'service'}`];
}

/** What the index is entered with: so that nothing is passed over before the page. */
function boundsOf({ status, service, expiresBefore, cursor }: CertificateFilter, byEnd: boolean): string {
  const column = byEnd ? 'not_after' : 'issued_at';
  const lower = status === 'active' ? [`${column}>?`] : [];
  const upper =
    cursor !== undefined ? [`(${column},serial)<(?,?)`] : expiresBefore || status === 'expired' ? [`${column}<?`] : [];
  const bounds = [...(service === undefined ? [] : ['service=?']), ...lower, ...upper];
  return bounds.length === 0 ? '' : ` (${bounds.join(' AND ')})`;
}
/** What an index served gives neither: a scan of a table, or rows put in order afterwards. A scan along an index that ends at a limit is the page itself. */
const UNWANTED: Readonly<Record<StoreKind, RegExp>> = {
  SQLite: /^SCAN (?!.*USING (?:COVERING )?INDEX)|TEMP B-TREE/,
  PostgreSQL: /Seq Scan|Sort/,
};

describeOnEachStore('a query', (kind, newPlace) => {
  let place: StorePlace;
  let database: Database;
  const queries: CompiledQuery[] = [];

  beforeAll(async () => {
    place = await newPlace();
    await (await openStore(place.options)).close();
    if (kind === 'PostgreSQL') await fill(place);
    database = new Kysely<Schema>({
      dialect: dialectOf(place),
      log: ({ query }) => {
        queries.push(query);
      },
    });
  });
  afterAll(async () => {
    await database.destroy();
    await place.remove();
  });

  async function plansOf(run: () => Promise<unknown>, { few = false } = {}): Promise<string[]> {
    queries.length = 0;
    await run();
    expect(queries.length).toBeGreaterThan(0);
    // Columns by their names: what a later migration adds is not fetched by who does not know of it.
    for (const { sql } of queries) expect(sql).not.toMatch(/(?:select|returning|,|\.) ?\*/);
    const plans: string[] = [];
    for (const query of queries)
      plans.push(...(await (kind === 'SQLite' ? sqlitePlan : postgresPlan)(place, query, few)));
    return plans;
  }

  test.each<[string, () => Promise<unknown>]>([
    ['a certificate by its number', () => findCertificate(database, '0a')],
    ['who issued a number', () => findIssued(database, '0a')],
    ['the CAs that sign', () => activeIssuers(database)],
    ['what depends on an issuer', () => issuerUsage(database, { id: 'issuing', role: 'issuing' }, now)],
    ['what depends on a root', () => issuerUsage(database, { id: 'root', role: 'root' }, now)],
    [
      'who depends on an issuer',
      () => servicesOfIssuer(database, { id: 'issuing', role: 'issuing' }, { now, limit: 1000 }),
    ],
    ['a compromised key', () => compromisedKeys(database, ['aa', 'bb'])],
    ...(['active', 'revoked'] as const).flatMap((status): [string, () => Promise<unknown>][] =>
      [undefined, 'service-7'].flatMap((service): [string, () => Promise<unknown>][] => [
        [
          `what a bulk revocation looks at of ${service ?? 'all'}, ${status}`,
          () =>
            listCertificateWindow(database, {
              status,
              service,
              after: { notAfter: now.getTime(), serial: '' },
              limit: 10,
            }),
        ],
        [
          `how many that are of ${service ?? 'all'}, ${status}`,
          () => countCertificateWindows(database, { status, service, since: later(9e8).getTime() }),
        ],
      ]),
    ),
    ['the last revocation', () => lastRevocationSequence(database)],
    ['the last revocation of an issuer', () => lastRevocationSequence(database, 'issuing')],
    ['the octets of a list', () => crlOctets(database, { issuer: 'issuing', number: 9 })],
    ['pieces of lists that were not placed', () => unplacedCrls(database, 'issuing')],
    ['the header of the last list', () => lastCrlHeader(database, { issuer: 'issuing', scope: 'complete' })],
    [
      'whether a list has a time of its own',
      () => isFirstOfItsTime(database, { issuer: 'issuing', scope: 'complete', number: 9, this_update: 0 }),
    ],
    ['what the next list is numbered above', () => crlFloor(database, 'issuing')],
    ['what is known of serial numbers', () => serialStatuses(database, ['0a', '0b'])],
    ['a page of a list', () => readPage(revocationPage(database, { issuer: 'issuing', after: 5, until: 9 }))],
    [
      'a page of a shard',
      () => readPage(revocationPage(database, { issuer: 'issuing', shard: 1, after: 5, until: 9 })),
    ],
    ['revoked serial numbers', () => readPage(revokedSerialPage(database, { issuer: 'issuing', after: 5, until: 9 }))],
    ['releases of an issuer', () => listReleases(database, { issuer: 'issuing', after: 5, limit: 10 })],
    ['an enrollment token', () => findEnrollmentToken(database, 'aa')],
    ['an idempotency key', () => findIdempotency(database, { caller: 'a', key: 'b', since: now })],
    ['the end of the record', () => auditHead(database)],
    ['the last change of our CAs', () => lastChangeOfAuthorities(database)],
    ['when an issuer was seen', () => issuerSeenAt(database, 'issuing')],
    ['peers that no certificate tells about', () => unlistedPeers(database, 'issuing', now)],
    ['whether certificates are listed', () => unlistedSerials(database, ['0a', '0b'])],
    ['the policy', () => findPolicy(database)],
    ['what a service may', () => findServiceChange(database, 'billing')],
    ['the last change of services', () => lastServiceSequence(database)],
    ['new changes of services', () => listServiceChanges(database, { after: 5, limit: 100 })],
    ['what became of a service', () => serviceHistory(database, 'billing', { before: 9, limit: 100 })],
    ['what would have been refused', () => listShadowCounts(database, 100)],
    ['a page of the record', () => listAudit(database, 5, 100)],
  ])('%s is found by an index, in order', async (_, run) => {
    const plans = await plansOf(run, { few: true });
    expect(plans.filter((step) => UNWANTED[kind].test(step))).toEqual([]);
  });

  test.each(listings)('a page of %j enters its index where the page begins', async ({ filter, indexes, bounds }) => {
    const plans = await plansOf(() => listCertificates(database, filter));
    const isBounded = bounds !== '';
    if (kind === 'SQLite') {
      const verb = isBounded ? 'SEARCH' : 'SCAN';
      expect(plans).toEqual(indexes.map((index) => `${verb} certificate USING INDEX ${index}${bounds}`));
      return;
    }
    expect(plans.map((step) => step.replace(/ \(.*/, ''))).toEqual(
      indexes.map((index) => `Limit > Index Scan using ${index}`),
    );
    // The second of two lists ends where the page of the first does: a bound more.
    for (const step of plans)
      for (const bound of isBounded ? bounds.slice(2, -1).split(' AND ') : []) expect(step).toContain(bound);
  });

  test.each(listings.filter(({ filter }) => filter.cursor === undefined))(
    '%j is counted in an index',
    async ({ filter }) => {
      for (const step of await plansOf(() => countCertificates(database, filter)))
        expect(step).toMatch(/COVERING INDEX|Index Only Scan/);
    },
  );
});

function dialectOf({ options: { path = '', url } }: StorePlace): Dialect {
  return url === undefined
    ? nodeSqliteDialect(new DatabaseSync(path), { failures: new SqliteFailures(path), busyTimeout: 100 })
    : new WriterPostgresDialect({ pool: new pg.Pool({ connectionString: url }), store: 'test' });
}

async function sqlitePlan(place: StorePlace, { sql, parameters }: CompiledQuery): Promise<string[]> {
  const steps = await place.query(`explain query plan ${sql}`, ...parameters);
  return steps.map(({ detail }) => String(detail));
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

/**
 * The plan of a query with its values, a line for each leaf: what PostgreSQL's own costs decide on {@link fill}, with two exceptions. `few`: of a table
 * that has too few rows here to be worth an index, or to be joined row by row, so that what is asked is whether there is one. And of less than a page it
 * would rather gather the rows by the same index and sort them (a bitmap), which is no slower and says nothing of more.
 */
async function postgresPlan(
  { options }: StorePlace,
  { sql, parameters }: CompiledQuery,
  few: boolean,
): Promise<string[]> {
  return connected(options.url ?? '', async (client) => {
    await client.query('set enable_bitmapscan = off');
    if (few) await client.query('set enable_seqscan = off; set enable_mergejoin = off; set enable_hashjoin = off');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(`explain (format json) ${sql}`, [
      ...parameters,
    ]);
    return rows.flatMap((row) => linesOf(row['QUERY PLAN'][0].Plan));
  });
}

function linesOf(node: PlanNode): string[] {
  const { Plans = [] } = node;
  const index = node['Index Name'] === undefined ? '' : ` using ${node['Index Name']}`;
  const condition = node['Index Cond'] === undefined ? '' : ` ${boundsOfCondition(node['Index Cond'])}`;
  const line = `${node['Node Type']}${index}${condition}`;
  return Plans.length === 0 ? [line] : Plans.flatMap(linesOf).map((below) => `${line} > ${below}`);
}

/** As SQLite says it: the columns and comparisons, without the values. */
const boundsOfCondition = (condition: string): string =>
  condition
    .replaceAll(/'[^']*'::\w+/g, '?')
    .replaceAll(/ROW| (?!AND)(?<!AND )/g, '')
    .replaceAll('>=', '>');

/** Certificates of fifty services over four months, some of them revoked, and what else has many rows. */
async function fill(place: StorePlace): Promise<void> {
  const time = `${now.getTime()} + (n - 10000) * 500000`;
  await place.execute(
    `insert into issuer values ('issuing', 'issuing', 'issuing', '', 0)`,
    `insert into serial select lpad(to_hex(n), 32, '0'), 0 from generate_series(1, 20000::bigint) as n`,
    `insert into certificate select lpad(to_hex(n), 32, '0'), 'issuing', 'service', 'service-' || n % 50, 'CN=x', ${time}, ${time},
      md5(n::text), md5(n::text), repeat('x', 600)::bytea, 'test', 'test', ${time},
      case when n % 5 = 0 then 'revoked' else 'active' end, case when n % 5 = 0 then 1 end,
      case when n % 5 = 0 then 'superseded' end, case when n % 5 = 0 then n end, null, 0,
      case when n % 5 = 0 then repeat('x', 49)::bytea end
      from generate_series(1, 20000::bigint) as n`,
    'vacuum analyze',
  );
}
