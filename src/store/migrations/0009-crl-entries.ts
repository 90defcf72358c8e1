import { sql } from 'kysely';
import { encodeCrlEntry } from '../crl-entry.js';
import type { Transaction } from '../schema.js';

/** Each revocation with its entry of the lists, as it is signed: a list is put together from them, and nothing is encoded again. */
export async function up(database: Transaction): Promise<void> {
  const run = async (statements: readonly string[]): Promise<void> => {
    for (const statement of statements) await sql.raw(statement).execute(database);
  };
  await run(before);
  await fillCertificates(database);
  await fillRevokedSerials(database);
  await run(after);
}

const before = [
  `alter table certificate add column crl_entry blob`,
  `alter table revoked_serial add column crl_entry blob`,
  `drop trigger certificate_stays_revoked`,
  // They are made again behind the entries, once: not kept up with each of them.
  `drop index certificate_revoked_by_shard`,
  `drop index certificate_revoked_by_issuer`,
];

const after = [
  `create trigger certificate_stays_revoked before update on certificate
    when old.status = 'revoked' and old.revocation_reason <> 'certificateHold'
    begin select raise(abort, 'a revocation is final'); end`,
  // An earlier version that still runs knows nothing of entries: it would leave none, or that of the hold before.
  `create trigger certificate_revoked_with_entry before update on certificate
    when new.status = 'revoked' and new.revocation_sequence is distinct from old.revocation_sequence
      and new.crl_entry is not distinct from old.crl_entry
    begin select raise(abort, 'a revocation has its entry of the lists'); end`,
  // Everything that a list is put together from: the rows of certificates, twenty times as large, are not read.
  `create index certificate_revoked_by_shard on certificate
    (issuer, crl_shard, revocation_sequence, crl_entry, not_after) where status = 'revoked'`,
  `create index certificate_revoked_by_issuer on certificate
    (issuer, revocation_sequence, crl_entry, not_after) where status = 'revoked'`,
];

const PAGE = 1000;

interface Row {
  readonly serial: string;
  readonly issued_at: number;
  readonly revoked_at: number;
  readonly revocation_reason: string;
  readonly invalidity_date: number | null;
}

const entryOf = ({ serial, revocation_reason: reason, revoked_at, invalidity_date }: Omit<Row, 'issued_at'>) =>
  encodeCrlEntry({
    serial,
    reason,
    revokedAt: new Date(revoked_at),
    invalidityDate: invalidity_date === null ? undefined : new Date(invalidity_date),
  });

/** In the order in which they were issued, which is about that in which they lie on the disk. */
async function fillCertificates(database: Transaction): Promise<void> {
  for (let [issuedAt, serial] = [Number.MIN_SAFE_INTEGER, '']; ;) {
    const { rows } = await sql<Row>`
      select serial, issued_at, revoked_at, revocation_reason, invalidity_date from certificate
      where status = 'revoked' and (issued_at, serial) > (${issuedAt}, ${serial})
      order by issued_at, serial limit ${sql.lit(PAGE)}`.execute(database);
    const last = rows.at(-1);
    if (!last) return;
    const entries = rows.map((row) => sql`(${row.serial}, ${entryOf(row)})`);
    // The first of them, which is nobody's, says that the second column holds octets.
    await sql`
      with entry (serial, octets) as (values ('', (select crl_entry from certificate where 1 = 0)), ${sql.join(entries)})
      update certificate set crl_entry = entry.octets from entry where certificate.serial = entry.serial`.execute(
      database,
    );
    [issuedAt, serial] = [last.issued_at, last.serial];
  }
}

/** Few, if any: those that a restored store knew nothing else of. */
async function fillRevokedSerials(database: Transaction): Promise<void> {
  const { rows } = await sql<Omit<Row, 'issued_at' | 'invalidity_date'>>`
    select serial, revoked_at, revocation_reason from revoked_serial`.execute(database);
  for (const row of rows)
    await sql`update revoked_serial set crl_entry = ${entryOf({ ...row, invalidity_date: null })}
      where serial = ${row.serial}`.execute(database);
}
