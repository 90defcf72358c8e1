import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { AuditLog } from '../../src/audit/index.js';
import { listCertificates, listIssuers, openStore } from '../../src/store/index.js';
import { decodeCertificate } from '../../src/x509/index.js';
import { describeOnEachStore } from '../support/postgres.js';

const FIXTURES = join(import.meta.dirname, '../fixtures/store');
const migrations = readdirSync(join(import.meta.dirname, '../../src/store/migrations')).sort();
const earlier = readdirSync(FIXTURES).sort();

test('there is a store of every version but the newest', () => {
  expect(earlier.map((name) => name.slice(0, 4))).toEqual(migrations.slice(0, -1).map((name) => name.slice(0, 4)));
});

/** The statements of a fixture: a trigger has a semicolon within, a string of ours has none. */
const statementsIn = (name: string): string[] =>
  [
    ...readFileSync(join(FIXTURES, name), 'utf8')
      .replaceAll(/^--.*$/gm, '')
      .matchAll(/\s*(create trigger.*?; end|[^;]+);/gis),
  ].map(([, statement = '']) => statement);

describeOnEachStore('a store of an earlier version', (_, newPlace) => {
  test.each(earlier)('%s is brought forward with all that was in it', async (name) => {
    const place = await newPlace();
    await place.execute(...statementsIn(name));
    const count = async (table: string) => (await place.query(`select count(*) as rows from ${table}`))[0]?.rows;
    const counts = () => Promise.all(['certificate', 'serial', 'crl', 'audit'].map(count));
    const before = await counts();
    for (let start = 0; start < 2; start++) {
      const store = await openStore(place.options);
      const issuers = await listIssuers(store.database);
      expect(issuers.map(({ id, state }) => `${id} ${state}`)).toEqual(['root active', 'issuing active']);
      const { rows } = await listCertificates(store.database);
      expect(rows.map(({ der }) => decodeCertificate(der).serialNumber)).toEqual(rows.map(({ serial }) => serial));
      expect(rows.filter(({ status }) => status === 'revoked').map(({ service }) => service)).toEqual(['billing']);
      expect(await new AuditLog(store).verify()).toMatchObject({ ok: true });
      await store.close();
    }
    expect(await counts()).toEqual(before);
    const applied = await place.query('select name from migration order by name');
    expect(applied.map((row) => `${String(row.name)}.ts`)).toEqual(migrations);
    await place.remove();
  });
});
