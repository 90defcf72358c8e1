import type { MigrationStatus } from './migrations.js';
import { migrateSqliteStore, openSqliteStore, sqliteMigrationStatus } from './sqlite-store.js';
import type { Store, StoreOptions } from './store.js';

// Whoever has a SQLite file does not wait for the driver of PostgreSQL.
const postgres = () => import('./postgres-store.js');

/**
 * Opens the store, makes it when it is absent, and brings its schema forward. Throws {@link StoreError}: `store_unavailable` when it cannot be
 * opened, reached or is locked, `store_too_new` when a newer version wrote it, `store_corrupt` when it is no database.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { url } = options;
  return url === undefined
    ? openSqliteStore(withPath(options))
    : (await postgres()).openPostgresStore({ ...options, url });
}

/** Brings the schema forward as {@link openStore} does, and gives the names of the migrations that this took. */
export async function migrateStore(options: StoreOptions): Promise<readonly string[]> {
  const { url } = options;
  return url === undefined
    ? migrateSqliteStore(withPath(options))
    : (await postgres()).migratePostgresStore({ ...options, url });
}

/** What of the schema there is and what is to come, without a change. Throws {@link StoreError}. */
export async function migrationStatus(options: StoreOptions): Promise<MigrationStatus> {
  const { url } = options;
  return url === undefined
    ? sqliteMigrationStatus(withPath(options))
    : (await postgres()).postgresMigrationStatus({ ...options, url });
}

function withPath({ path, ...options }: StoreOptions): StoreOptions & { readonly path: string } {
  if (path === undefined) throw new TypeError('a store is opened by a path or a URL');
  return { ...options, path };
}
