import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { openStore } from '../../src/store/index.js';
import { CrlReason, encodeRevokedCertificate } from '../../src/x509/index.js';

/*
 * Stores full of certificates, made past the program: one of ten is revoked, a third is over, ends are spread over 30 days; a hundred services, each with as
 * many. Only filling skips what makes a commit durable: what is measured afterwards commits as always, into the same indexes.
 */

const SERVICES = 100;
export const HOUR = 3_600_000;
const BATCH = 100_000;
// A certificate's size; what is in it nobody reads here.
const octets = randomBytes(700);
const entryOf = (serial: string, revokedAt: number): Uint8Array =>
  encodeRevokedCertificate({
    serialNumber: Buffer.from(serial, 'hex'),
    revocationDate: new Date(revokedAt),
    reason: CrlReason.superseded,
  });

/** Fills a SQLite file; the first was issued at `start`, in milliseconds, the last ten days later. Gives a thousand serial numbers, spread over all. */
export async function fillSqlite(path: string, size: number, start: number): Promise<readonly string[]> {
  await (await openStore({ path })).close();
  const sqlite = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  sqlite.exec('pragma synchronous = off; pragma cache_size = -400000');
  const indexes = sqlite.prepare(`select name, sql from sqlite_master where type = 'index' and sql is not null`).all();
  for (const { name } of indexes) sqlite.exec(`drop index ${String(name)}`);
  sqlite
    .prepare(
      `insert into issuer (id, role, parent, der, created_at, state, key_place) values ('issuing', 'issuing', 'issuing', ?, 1, 'active', 'here')`,
    )
    .run(octets);
  const serial = sqlite.prepare('insert into serial (serial, reserved_at) values (?, ?)');
  const certificate = sqlite.prepare(
    `insert into certificate (serial, issuer, profile, service, subject, not_before, not_after, spki_sha256, fingerprint, der, requester,
      request_id, issued_at, status, revoked_at, revocation_reason, revocation_sequence, crl_entry)
     values (?, 'issuing', 'service', ?, ?, ?, ?, ?, ?, ?, 'bench', 'bench', ?, ?, ?, ?, ?, ?)`,
  );
  const serials: string[] = [];
  for (let from = 0; from < size; from += BATCH) {
    sqlite.exec('begin immediate');
    for (let i = from; i < Math.min(size, from + BATCH); i++) {
      const number = randomBytes(16).toString('hex');
      const issuedAt = start + Math.floor((i / size) * 10 * 24 * HOUR);
      const end = issuedAt + ((i * 7919) % 720) * HOUR;
      const revoked = i % 10 === 0;
      serial.run(number, issuedAt);
      certificate.run(
        ...[
          number,
          `service-${i % SERVICES}`,
          `CN=service-${i % SERVICES}`,
          issuedAt,
          end,
          number,
          `f${number}`,
          octets,
        ],
        ...[
          issuedAt,
          revoked ? 'revoked' : 'active',
          revoked ? end : null,
          revoked ? 'superseded' : null,
          revoked ? i + 1 : null,
          revoked ? entryOf(number, end) : null,
        ],
      );
      if (i % Math.ceil(size / 1000) === 0) serials.push(number);
    }
    sqlite.exec('commit');
  }
  for (const { sql } of indexes) sqlite.exec(String(sql));
  sqlite.exec('pragma wal_checkpoint(truncate)');
  sqlite.close();
  return serials;
}

/** As {@link fillSqlite}, an empty PostgreSQL database, whose user may do everything. */
export async function fillPostgres(url: string, size: number, start: number): Promise<readonly string[]> {
  await (await openStore({ url })).close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('set session_replication_role = replica; set synchronous_commit = off');
    // Those of constraints stay.
    const { rows: indexes } = await client.query<{ name: string; sql: string }>(
      `select indexname as name, indexdef as sql from pg_indexes
       where schemaname = current_schema() and tablename = 'certificate'
         and indexname not in (select conname from pg_constraint)`,
    );
    for (const { name } of indexes) await client.query(`drop index ${name}`);
    await client.query(
      `insert into issuer (id, role, parent, der, created_at, state, key_place) values ('issuing', 'issuing', 'issuing', $1, 1, 'active', 'here')`,
      [octets],
    );
    await client.query(
      `create temporary table number as
       select i, replace(gen_random_uuid()::text, '-', '') as serial, $1::bigint + i::bigint * ${10 * 24 * HOUR} / $2::bigint as issued_at
       from generate_series(0, $2::bigint - 1) as i`,
      [start, size],
    );
    await client.query('insert into serial (serial, reserved_at) select serial, issued_at from number');
    await client.query(
      `insert into certificate (serial, issuer, profile, service, subject, not_before, not_after, spki_sha256, fingerprint, der, requester,
         request_id, issued_at, status, revoked_at, revocation_reason, revocation_sequence, crl_entry)
       select serial, 'issuing', 'service', 'service-' || i % ${SERVICES}, 'CN=service-' || i % ${SERVICES}, issued_at,
         issued_at + (i * 7919) % 720 * ${HOUR}, serial, 'f' || serial, $1, 'bench', 'bench', issued_at,
         case when i % 10 = 0 then 'revoked' else 'active' end,
         case when i % 10 = 0 then issued_at + (i * 7919) % 720 * ${HOUR} end,
         case when i % 10 = 0 then 'superseded' end, case when i % 10 = 0 then i + 1 end, case when i % 10 = 0 then $2::bytea end
       from number order by i`,
      // As long as each of them would be.
      [octets, entryOf('41'.repeat(16), start)],
    );
    for (const { sql } of indexes) await client.query(sql);
    await client.query('vacuum analyze');
    const { rows } = await client.query<{ serial: string }>('select serial from number where i % $1 = 0', [
      Math.ceil(size / 1000),
    ]);
    return rows.map(({ serial }) => serial);
  } finally {
    await client.end();
  }
}
