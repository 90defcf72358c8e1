import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Kysely, type CompiledQuery } from 'kysely';
import { temporaryFolder } from '../../test/support/folder.js';
import { auditHead, listAudit } from './audit.store.js';
import { issuerSeenAt, unlistedPeers, unlistedSerials } from './peer.store.js';
import { findPolicy } from './policy.store.js';
import { compromisedKeys, findCertificate } from './certificate.store.js';
import { countCertificates, listCertificates, type CertificateFilter } from './inventory.store.js';
import { lastCrl, lastCrlHeader } from './crl.store.js';
import { findEnrollmentToken } from './enrollment-token.store.js';
import { findIdempotency } from './idempotency.store.js';
import { issuerUsage, servicesOfIssuer } from './issuer.store.js';
import { lastRevocationSequence, listRevocations } from './revocation.store.js';
import type { Database, Schema } from './schema.js';
import { NodeSqliteDialect } from './sqlite-dialect.js';
import { openStore } from './open-store.js';

let sqlite: DatabaseSync;
let database: Database;
const queries: CompiledQuery[] = [];

beforeAll(async () => {
  const path = join(temporaryFolder(), 'veritas.db');
  await (await openStore({ path })).close();
  sqlite = new DatabaseSync(path);
  database = new Kysely<Schema>({
    dialect: new NodeSqliteDialect(sqlite, 100),
    log: ({ query }) => {
      queries.push(query);
    },
  });
});
afterAll(() => database.destroy());

const now = new Date();
// What `next` of a page looks like, by when they were issued and by their end.
const cursors = ['1700000000000:0a', 'e1700000000000:0a'].map((place) => Buffer.from(place).toString('base64url'));

/** Every combination of filters, on the first page and further on, with the index that has its order. */
const listings = [undefined, 'active', 'expired', 'revoked'].flatMap((status) =>
  [undefined, 'billing'].flatMap((service) =>
    [undefined, now].flatMap((expiresBefore) =>
      [false, true].map((isFurther) => {
        const byEnd = expiresBefore !== undefined || status === 'active' || status === 'expired';
        const cursor = isFurther ? cursors[Number(byEnd)] : undefined;
        const filter = { status, service, expiresBefore, cursor } as CertificateFilter;
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

test.each<[string, () => Promise<unknown>]>([
  ['a certificate by its number', () => findCertificate(database, '0a')],
  ['what depends on an issuer', () => issuerUsage(database, { id: 'issuing', role: 'issuing' }, now)],
  ['what depends on a root', () => issuerUsage(database, { id: 'root', role: 'root' }, now)],
  [
    'who depends on an issuer',
    () => servicesOfIssuer(database, { id: 'issuing', role: 'issuing' }, { now, limit: 1000 }),
  ],
  ['a compromised key', () => compromisedKeys(database, ['aa', 'bb'])],
  ['new revocations', () => listRevocations(database, { after: 5 })],
  ['the last revocation', () => lastRevocationSequence(database)],
  ['the last revocation of an issuer', () => lastRevocationSequence(database, 'issuing')],
  ['the last list', () => lastCrl(database, 'issuing')],
  ['the header of the last list', () => lastCrlHeader(database, 'issuing')],
  ['an enrollment token', () => findEnrollmentToken(database, 'aa')],
  ['an idempotency key', () => findIdempotency(database, { caller: 'a', key: 'b', since: now })],
  ['the end of the record', () => auditHead(database)],
  ['when an issuer was seen', () => issuerSeenAt(database, 'issuing')],
  ['peers that no certificate tells about', () => unlistedPeers(database, 'issuing', now)],
  ['whether certificates are listed', () => unlistedSerials(database, ['0a', '0b'])],
  ['the policy', () => findPolicy(database)],
  ['a page of the record', () => listAudit(database, 5, 100)],
])('%s is found by an index, in order', async (_, run) => {
  const plans = await plansOf(run);
  // A scan along an index that ends at a limit is the page itself.
  expect(plans.filter((step) => /^SCAN (?!.*USING (?:COVERING )?INDEX)|TEMP B-TREE/.test(step))).toEqual([]);
});

test.each(listings)('a page of %j enters its index where the page begins', async ({ filter, indexes, bounds }) => {
  const plans = await plansOf(() => listCertificates(database, filter));
  const verb = bounds === '' ? 'SCAN' : 'SEARCH';
  expect(plans).toEqual(indexes.map((index) => `${verb} certificate USING INDEX ${index}${bounds}`));
});

test.each(listings.filter(({ filter }) => filter.cursor === undefined))(
  '%j is counted in an index',
  async ({ filter }) => {
    for (const step of await plansOf(() => countCertificates(database, filter)))
      expect(step).toContain('COVERING INDEX');
  },
);

async function plansOf(run: () => Promise<unknown>): Promise<string[]> {
  queries.length = 0;
  await run();
  expect(queries.length).toBeGreaterThan(0);
  return queries.flatMap(({ sql, parameters }) =>
    sqlite
      .prepare(`explain query plan ${sql}`)
      .all(...(parameters as SQLInputValue[]))
      .map(({ detail }) => String(detail)),
  );
}
