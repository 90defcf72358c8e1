import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { AuditLog } from '../../src/audit/index.js';
import { listCertificates, listIssuers, openStore } from '../../src/store/index.js';
import { decodeCertificate } from '../../src/x509/index.js';
import { temporaryFolder } from '../support/folder.js';

const FIXTURES = join(import.meta.dirname, '../fixtures/store');
const migrations = readdirSync(join(import.meta.dirname, '../../src/store/migrations')).sort();
const earlier = readdirSync(FIXTURES).sort();

test('there is a store of every version but the newest', () => {
  expect(earlier.map((name) => name.slice(0, 4))).toEqual(migrations.slice(0, -1).map((name) => name.slice(0, 4)));
});

test.each(earlier)('a store of %s is brought forward with all that was in it', async (name) => {
  const path = join(temporaryFolder(), 'veritas.db');
  const raw = new DatabaseSync(path);
  raw.exec(readFileSync(join(FIXTURES, name), 'utf8'));
  const count = (table: string) => raw.prepare(`select count(*) as rows from ${table}`).get()?.rows;
  const before = ['certificate', 'serial', 'crl', 'audit'].map(count);
  raw.close();
  for (let start = 0; start < 2; start++) {
    const store = await openStore({ path });
    const issuers = await listIssuers(store.database);
    expect(issuers.map(({ id, state }) => `${id} ${state}`)).toEqual(['root active', 'issuing active']);
    const { rows } = await listCertificates(store.database);
    expect(rows.map(({ der }) => decodeCertificate(der).serialNumber)).toEqual(rows.map(({ serial }) => serial));
    expect(rows.filter(({ status }) => status === 'revoked').map(({ service }) => service)).toEqual(['billing']);
    expect(await new AuditLog(store).verify()).toMatchObject({ ok: true });
    await store.close();
  }
  const after = new DatabaseSync(path);
  const countAfter = (table: string) => after.prepare(`select count(*) as rows from ${table}`).get()?.rows;
  expect(['certificate', 'serial', 'crl', 'audit'].map(countAfter)).toEqual(before);
  expect(
    after
      .prepare('select name from migration order by name')
      .all()
      .map((row) => `${String(row.name)}.ts`),
  ).toEqual(migrations);
  after.close();
});
