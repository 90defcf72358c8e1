import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { AuditLog } from '../../src/audit/index.js';
import {
  lastRevocationSequence,
  listCertificates,
  listIssuers,
  openStore,
  readPage,
  revocationPage,
  revokedSerialPage,
} from '../../src/store/index.js';
import { CrlReason, decodeCertificate, encodeRevokedCertificate } from '../../src/x509/index.js';
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
    const place = await newPlace('nothing');
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
      const revoked = { issuer: 'issuing', after: 0, until: await lastRevocationSequence(store.database) };
      expect((await readPage(revocationPage(store.database, revoked))).length).toBeGreaterThan(30);
      expect(await new AuditLog(store).verify()).toMatchObject({ ok: true });
      await store.close();
    }
    expect(await counts()).toEqual(before);
    const applied = await place.query('select name from migration order by name');
    expect(applied.map((row) => `${String(row.name)}.ts`)).toEqual(migrations);
    await place.remove();
  });

  test('0008: every revocation gets its entry of the lists', async () => {
    const place = await newPlace('nothing');
    await place.execute(...statementsIn('0008.sql'));
    const REVOKED = 2_500;
    const revokedAt = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    // Numbers as text that is hexadecimal in any database; three of each millisecond, so that pages end amid them.
    const number = `with recursive n (i) as (values (1) union all select i + 1 from n where i < ${REVOKED})`;
    const serial = `cast(1000000000 + i as text)`;
    await place.execute(
      `${number} insert into serial (serial, reserved_at) select ${serial}, 0 from n`,
      `insert into serial (serial, reserved_at) values ('f001', 0)`,
      `${number} insert into certificate (serial, issuer, profile, subject, not_before, not_after, spki_sha256, fingerprint, der, requester, request_id,
         issued_at, status, revoked_at, revocation_reason, revocation_sequence, invalidity_date)
       select ${serial}, 'issuing', 'service', 'CN=a', 0, ${revokedAt}, ${serial}, ${serial}, der, 'test', 'r', i / 3, 'revoked', ${revokedAt},
         case i % 3 when 0 then 'unspecified' when 1 then 'keyCompromise' else 'certificateHold' end, 1000 + i, case when i % 7 = 0 then ${revokedAt} end
       from n, (select der from certificate limit 1) as any_certificate`,
      `insert into revoked_serial (serial, issuer, not_after, revoked_at, revocation_reason, revocation_sequence)
       values ('f001', 'issuing', 0, ${revokedAt}, 'superseded', 9000)`,
    );
    const store = await openStore(place.options);
    const revocationDate = new Date(revokedAt);
    const reasons = [CrlReason.unspecified, CrlReason.keyCompromise, CrlReason.certificateHold];
    const entries = Array.from({ length: REVOKED }, (_, n) =>
      encodeRevokedCertificate({
        serialNumber: Buffer.from(String(1_000_000_001 + n), 'hex'),
        revocationDate,
        reason: reasons[(n + 1) % 3] ?? CrlReason.unspecified,
        invalidityDate: (n + 1) % 7 === 0 ? revocationDate : undefined,
      }),
    );
    const part = { issuer: 'issuing', after: 1000, until: await lastRevocationSequence(store.database) };
    expect(Buffer.from(await readPage(revocationPage(store.database, part))).equals(Buffer.concat(entries))).toBe(true);
    const lost = { serialNumber: Buffer.from('f001', 'hex'), revocationDate, reason: CrlReason.superseded };
    const octets = Buffer.from(await readPage(revokedSerialPage(store.database, part)));
    expect(octets.equals(encodeRevokedCertificate(lost))).toBe(true);
    await expect(
      place.execute(`update certificate set status = 'active' where revocation_reason = 'keyCompromise'`),
    ).rejects.toThrow('a revocation is final');
    await store.close();
    await place.remove();
  });

  test('0014: certificates are kept in another table, with the holds that were lifted, and guarded as before', async () => {
    const place = await newPlace('nothing');
    await place.execute(
      ...statementsIn('0013.sql'),
      `insert into release (serial, issuer, crl_shard, released_at, not_after, sequence)
       select serial, issuer, 0, 1, not_after, 7000 from certificate where status = 'active' and issuer = 'issuing' limit 1`,
    );
    const rows = () => Promise.all(['certificate', 'release'].map((table) => place.query(`select * from ${table}`)));
    const sorted = (found: readonly (readonly Readonly<Record<string, unknown>>[])[]) =>
      found.map((table) => table.map((row) => JSON.stringify(row, Object.keys(row).sort())).sort());
    const before = sorted(await rows());
    expect(before.map(({ length }) => length > 0)).toEqual([true, true]);
    await (await openStore(place.options)).close();
    expect(sorted(await rows())).toEqual(before);
    const release = `insert into release (serial, issuer, crl_shard, released_at, not_after, sequence) values ('00', 'issuing', 0, 1, 1, 7001)`;
    for (const [statement, refusal] of [
      [release, /foreign key/i],
      [`update certificate set status = 'active' where status = 'revoked'`, 'a revocation is final'],
      [`update certificate set revocation_sequence = 7002 where status = 'revoked'`, 'a revocation'],
    ] as const)
      await expect(place.execute(statement)).rejects.toThrow(refusal);
    await place.remove();
  });

  test('0015: peers are kept, and may have one serial number below two CAs', async () => {
    const place = await newPlace('nothing');
    const peer = (issuer: string) =>
      `insert into unlisted_peer (serial, issuer, service, not_after, seen_at) values ('01', '${issuer}', 'a', 2, 1)`;
    await place.execute(...statementsIn('0014.sql'), peer('root'));
    await (await openStore(place.options)).close();
    await place.execute(peer('issuing'));
    const rows = await place.query('select issuer from unlisted_peer order by issuer');
    expect(rows.map(({ issuer }) => issuer)).toEqual(['issuing', 'root']);
    await expect(place.execute(peer('root'))).rejects.toThrow(/unique/i);
    await place.remove();
  });
});
