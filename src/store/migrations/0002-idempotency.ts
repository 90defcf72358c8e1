import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** What a caller's Idempotency-Key stood for, and the certificate that came of it. */
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
];
