import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** What became of our CAs is found in the record by itself: partial, so that a row of a certificate is in no index more. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `create index audit_of_authorities on audit (action, sequence, at)
    where action like 'issuer.%' or action like 'ca.%' or action like 'restore%'`,
];
