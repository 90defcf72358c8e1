import { sql } from 'kysely';
import { up as certificationAuthority } from './migrations/0001-certification-authority.js';
import { up as doors } from './migrations/0002-doors.js';
import type { Database, Transaction } from './schema.js';
import { StoreError } from './store-error.js';

/** Every change of the schema, in order; a name is never used again and a migration that was released never edited. */
const migrations: readonly { readonly name: string; readonly up: (transaction: Transaction) => Promise<void> }[] = [
  { name: '0001-certification-authority', up: certificationAuthority },
  { name: '0002-doors', up: doors },
];

/**
 * Brings the schema up to what this program knows, forward only, in one transaction: all or nothing, and two processes at once do it once.
 * Throws {@link StoreError} `store_too_new` when the store has seen a migration that this program does not know.
 */
export async function migrate(database: Database, path: string): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    await sql`create table if not exists migration (name text primary key, applied_at integer not null) strict`.execute(
      transaction,
    );
    const applied = await appliedMigrations(transaction, path);
    for (const { name, up } of migrations.slice(applied)) {
      await up(transaction);
      await sql`insert into migration (name, applied_at) values (${name}, ${Date.now()})`.execute(transaction);
    }
  });
}

/** Insists that the schema is what this program knows, and changes nothing. Throws {@link StoreError}. */
export async function checkMigrated(database: Database, path: string): Promise<void> {
  const { rows } = await sql<{ name: string }>`select name from sqlite_master where name = 'migration'`.execute(
    database,
  );
  if (rows.length === 0 || (await appliedMigrations(database, path)) < migrations.length)
    throw new StoreError(
      'store_unavailable',
      `the store ${path} is not set up for this version: run \`veritas setup\``,
    );
}

async function appliedMigrations(database: Database, path: string): Promise<number> {
  const { rows } = await sql<{ name: string }>`select name from migration order by name`.execute(database);
  const known = migrations.map(({ name }) => name);
  const unknown = rows.find(({ name }, index) => name !== known[index]);
  if (unknown)
    throw new StoreError(
      'store_too_new',
      `the store ${path} was written by a newer version (migration ${unknown.name}): use that version, or restore a backup`,
    );
  return rows.length;
}
