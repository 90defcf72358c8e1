import { SqliteAdapter, sql } from 'kysely';
import type { Database } from './schema.js';
import { corruptError } from './sqlite-error.js';

/**
 * Looks through all of a SQLite file, two seconds for a million certificates: an index that lost entries would leave revocations out without any error.
 * PostgreSQL looks after its own. Throws {@link StoreError} `store_corrupt`.
 */
export async function checkSound(database: Database, store: string): Promise<void> {
  if (!(database.getExecutor().adapter instanceof SqliteAdapter)) return;
  const { rows } = await sql<{ quick_check: string }>`pragma quick_check(1)`.execute(database);
  if (rows[0]?.quick_check !== 'ok') throw corruptError(store, rows[0]?.quick_check);
}
