import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** Several issuers, each somewhere between its making and its end; cross-certificates between roots; roots whose key is elsewhere. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  // There was one of each until now, and it signed.
  `alter table issuer add column state text not null default 'active'
    check (state in ('prepared', 'published', 'active', 'retired', 'removed'))`,
  `alter table issuer add column key_place text not null default 'here' check (key_place in ('here', 'elsewhere'))`,
  // Whoever looks for the one that signs finds one.
  `create unique index issuer_active on issuer (role) where state = 'active'`,
  // The number of a certificate, which is there from before it is signed.
  `create table cross_certificate (
    serial text primary key references serial (serial),
    issuer text not null references issuer (id),
    signer text not null references issuer (id),
    check (issuer <> signer)
  ) strict`,
  // Partial, so that it is no choice for those who look for what is revoked.
  `create index certificate_active_by_issuer_and_end on certificate (issuer, not_after) where status = 'active'`,
];
