import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** The policy that the CA last ran under, to be compared with at each start; and which peers were seen, for who asks whether a CA can go. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `create table policy (id integer primary key check (id = 1), contents text not null) strict`,
  `create table issuer_seen (issuer text primary key references issuer (id), seen_at integer not null) strict`,
  // Only those that the certificates of this store do not tell about: no reference to them.
  `create table unlisted_peer (
    serial text primary key,
    issuer text not null references issuer (id),
    service text not null,
    not_after integer not null,
    seen_at integer not null
  ) strict`,
  `create index unlisted_peer_by_issuer_and_end on unlisted_peer (issuer, not_after)`,
];
