import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** What the doors over HTTP remember: idempotency keys with what came of them, and one-time enrollment tokens. Compromised keys are found at once. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `create table idempotency (
    caller text not null,
    key text not null,
    request_sha256 text not null,
    serial text not null references serial (serial),
    created_at integer not null,
    primary key (caller, key)
  ) strict, without rowid`,
  `create index idempotency_by_created_at on idempotency (created_at)`,
  // The token itself is never stored: its hash is no way back to it.
  `create table enrollment_token (
    token_sha256 text primary key,
    service text not null,
    profile text not null,
    names text not null,
    lifetime integer,
    created_at integer not null,
    created_by text not null,
    expires_at integer not null,
    spent_at integer,
    serial text references serial (serial),
    check ((spent_at is null) = (serial is null))
  ) strict, without rowid`,
  // One key may have been certified any number of times: only what was compromised is looked for.
  `drop index certificate_by_key`,
  `create index certificate_by_compromised_key on certificate (spki_sha256) where revocation_reason = 'keyCompromise'`,
  `create index enrollment_token_by_expires_at on enrollment_token (expires_at)`,
];
