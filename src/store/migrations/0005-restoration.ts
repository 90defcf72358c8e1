import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** What a restored backup does not know: revocations of certificates that were issued after it, and how far numbers of CRLs may have come. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  // In the same order of revocations as those in `certificate`.
  `create table revoked_serial (
    serial text primary key references serial (serial),
    issuer text not null references issuer (id),
    not_after integer not null,
    revoked_at integer not null,
    revocation_reason text not null,
    revocation_sequence integer not null unique
  ) strict`,
  `create index revoked_serial_by_issuer on revoked_serial (issuer, revocation_sequence)`,
  // The next CRL of the issuer has a number above it.
  `create table crl_floor (issuer text primary key references issuer (id), number integer not null) strict, without rowid`,
];
