import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Kysely, type CompiledQuery } from 'kysely';
import { temporaryFolder } from '../../test/support/folder.js';
import { auditHead, listAudit } from './audit.store.js';
import { findCertificate, isCompromisedKey, listCertificates, type CertificateFilter } from './certificate.store.js';
import { lastCrl, lastCrlHeader } from './crl.store.js';
import { findEnrollmentToken } from './enrollment-token.store.js';
import { findIdempotency } from './idempotency.store.js';
import { lastRevocationSequence, listRevocations } from './revocation.store.js';
import type { Database, Schema } from './schema.js';
import { NodeSqliteDialect } from './sqlite-dialect.js';
import { openStore } from './store.js';

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
const list = (filter: CertificateFilter) => () => listCertificates(database, filter);
// What `next` of a page looks like.
const cursor = Buffer.from('1700000000000:0a').toString('base64url');

test.each<[string, () => Promise<unknown>]>([
  ['a certificate by its number', () => findCertificate(database, '0a')],
  ['a compromised key', () => isCompromisedKey(database, 'aa')],
  ['the first page', list({})],
  ['a page further on', list({ cursor })],
  ['a page of a service', list({ service: 'billing', cursor })],
  ['a page of a status', list({ status: 'revoked', cursor })],
  ['a page of what is active', list({ status: 'active', cursor })],
  ['new revocations', () => listRevocations(database, { after: 5 })],
  ['the last revocation', () => lastRevocationSequence(database)],
  ['the last revocation of an issuer', () => lastRevocationSequence(database, 'issuing')],
  ['the last list', () => lastCrl(database, 'issuing')],
  ['the header of the last list', () => lastCrlHeader(database, 'issuing')],
  ['an enrollment token', () => findEnrollmentToken(database, 'aa')],
  ['an idempotency key', () => findIdempotency(database, { caller: 'a', key: 'b', since: now })],
  ['the end of the record', () => auditHead(database)],
  ['a page of the record', () => listAudit(database, 5, 100)],
])('%s is found by an index, in order', async (_, run) => {
  queries.length = 0;
  await run();
  expect(queries.length).toBeGreaterThan(0);
  for (const { sql, parameters } of queries) {
    const plan = sqlite
      .prepare(`explain query plan ${sql}`)
      .all(...(parameters as SQLInputValue[]))
      .map(({ detail }) => String(detail));
    // A scan along an index that ends at a limit is the page itself.
    expect(plan.filter((step) => /^SCAN (?!.*USING (?:COVERING )?INDEX)|TEMP B-TREE/.test(step))).toEqual([]);
  }
});
