import { sql } from 'kysely';
import { checkSound } from './check-sound.js';
import { up as certificationAuthority } from './migrations/0001-certification-authority.js';
import { up as doors } from './migrations/0002-doors.js';
import { up as inventory } from './migrations/0003-inventory.js';
import { up as hierarchy } from './migrations/0004-hierarchy.js';
import { up as restoration } from './migrations/0005-restoration.js';
import { up as policyAndPeers } from './migrations/0006-policy-and-peers.js';
import { up as revocation } from './migrations/0007-revocation.js';
import { up as services } from './migrations/0008-services.js';
import { up as crlEntries } from './migrations/0009-crl-entries.js';
import { up as auditOfAuthorities } from './migrations/0010-audit-of-authorities.js';
import { up as lifetimeAskedFor } from './migrations/0011-lifetime-asked-for.js';
import { up as placesOfShards } from './migrations/0012-places-of-shards.js';
import { up as compromiseAfterRevocation } from './migrations/0013-compromise-after-revocation.js';
import { up as fingerprintsWithoutIndex } from './migrations/0014-fingerprints-without-index.js';
import { up as peersByIssuer } from './migrations/0015-peers-by-issuer.js';
import type { Database, Transaction } from './schema.js';
import { StoreError, tooNewError } from './store-error.js';

/** Every change of the schema, in order; a name is never used again and a migration that was released never edited. */
const migrations: readonly { readonly name: string; readonly up: (transaction: Transaction) => Promise<void> }[] = [
  { name: '0001-certification-authority', up: certificationAuthority },
  { name: '0002-doors', up: doors },
  { name: '0003-inventory', up: inventory },
  { name: '0004-hierarchy', up: hierarchy },
  { name: '0005-restoration', up: restoration },
  { name: '0006-policy-and-peers', up: policyAndPeers },
  { name: '0007-revocation', up: revocation },
  { name: '0008-services', up: services },
  { name: '0009-crl-entries', up: crlEntries },
  { name: '0010-audit-of-authorities', up: auditOfAuthorities },
  { name: '0011-lifetime-asked-for', up: lifetimeAskedFor },
  { name: '0012-places-of-shards', up: placesOfShards },
  { name: '0013-compromise-after-revocation', up: compromiseAfterRevocation },
  { name: '0014-fingerprints-without-index', up: fingerprintsWithoutIndex },
  { name: '0015-peers-by-issuer', up: peersByIssuer },
];

/** The name of the schema that this program works on: its last migration. */
export const SCHEMA = migrations.at(-1)?.name ?? '';

/** Gives the name of the last migration that the store has seen. */
export const LAST_MIGRATION = 'select name from migration order by name desc limit 1';

/** The migrations that a store has seen, oldest first, and those that it still needs. Times in milliseconds. */
export interface MigrationStatus {
  readonly applied: readonly { readonly name: string; readonly appliedAt: number }[];
  readonly pending: readonly string[];
}

/**
 * Brings the schema up to what this program knows, forward only, in one transaction: all or nothing, and two processes at once do it once. Gives
 * the names of what was applied. `most`: not further than so many migrations, to make a store as an earlier version did.
 * Throws {@link StoreError} `store_too_new` when the store has seen a migration that this program does not know.
 */
export async function migrate(database: Database, store: string, most?: number): Promise<readonly string[]> {
  return database.transaction().execute((transaction) => migrateWithin(transaction, store, most));
}

/** As {@link migrate}, as a part of a transaction. */
export async function migrateWithin(
  transaction: Transaction,
  store: string,
  most = migrations.length,
): Promise<readonly string[]> {
  await sql`create table if not exists migration (name text primary key, applied_at integer not null) strict`.execute(
    transaction,
  );
  const { applied } = await statusOf(transaction, store);
  const due = migrations.slice(applied.length, most);
  if (due.length > 0) await checkSound(transaction, store);
  for (const { name, up } of due) {
    await up(transaction);
    await sql`insert into migration (name, applied_at) values (${name}, ${Date.now()})`.execute(transaction);
  }
  return due.map(({ name }) => name);
}

/** How many migrations make the schema that ends with this one; undefined when this program does not know it. */
export function migrationsThrough(name: string): number | undefined {
  const index = migrations.findIndex((each) => each.name === name);
  return index < 0 ? undefined : index + 1;
}

/** Insists that the schema is what this program knows, and changes nothing. Throws {@link StoreError}. */
export async function checkMigrated(database: Database, store: string): Promise<void> {
  const { pending } = await readMigrationStatus(database, store);
  if (pending.length > 0)
    throw new StoreError(
      'store_unavailable',
      `the store ${store} is not set up for this version: run \`veritas setup\` or \`veritas migrate\``,
    );
}

/** Insists that no newer version has brought the schema forward since. Throws {@link StoreError} `store_too_new`. */
export async function checkNotNewer(database: Database, store: string): Promise<void> {
  const { rows } = await sql.raw<{ name: string }>(LAST_MIGRATION).execute(database);
  const last = rows[0]?.name;
  if (last !== undefined && last > SCHEMA) throw tooNewError(store, last);
}

/** What the store has seen, and what it needs; everything when it is empty. Throws {@link StoreError} `store_too_new`. */
export async function readMigrationStatus(database: Database, store: string): Promise<MigrationStatus> {
  const tables = await database.introspection.getTables();
  if (tables.some(({ name }) => name === 'migration')) return statusOf(database, store);
  return { applied: [], pending: migrations.map(({ name }) => name) };
}

async function statusOf(database: Database, store: string): Promise<MigrationStatus> {
  const { rows } = await sql<{
    name: string;
    applied_at: number;
  }>`select name, applied_at from migration order by name`.execute(database);
  const known = migrations.map(({ name }) => name);
  const unknown = rows.find(({ name }, index) => name !== known[index]);
  if (unknown) throw tooNewError(store, unknown.name);
  return {
    applied: rows.map(({ name, applied_at: appliedAt }) => ({ name, appliedAt })),
    pending: known.slice(rows.length),
  };
}
