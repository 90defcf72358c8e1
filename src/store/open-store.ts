import type { MigrationStatus } from './migrations.js';
import { migratePostgresStore, openPostgresStore, postgresMigrationStatus } from './postgres-store.js';
import { migrateSqliteStore, openSqliteStore, sqliteMigrationStatus } from './sqlite-store.js';
import type { Store, StoreOptions } from './store.js';

/**
 * Opens the store, makes it when it is absent, and brings its schema forward. Throws {@link StoreError}: `store_unavailable` when it cannot be
 * opened, reached or is locked, `store_too_new` when a newer version wrote it, `store_corrupt` when it is no database.
 */
export function openStore(options: StoreOptions): Promise<Store> {
  return options.url === undefined
    ? openSqliteStore(withPath(options))
    : openPostgresStore({ ...options, url: options.url });
}

/** Brings the schema forward as {@link openStore} does, and gives the names of the migrations that this took. */
export function migrateStore(options: StoreOptions): Promise<readonly string[]> {
  return options.url === undefined
    ? migrateSqliteStore(withPath(options))
    : migratePostgresStore({ ...options, url: options.url });
}

/** What of the schema there is and what is to come, without a change. Throws {@link StoreError}. */
export function migrationStatus(options: StoreOptions): Promise<MigrationStatus> {
  return options.url === undefined
    ? sqliteMigrationStatus(withPath(options))
    : postgresMigrationStatus({ ...options, url: options.url });
}

function withPath({ path, ...options }: StoreOptions): StoreOptions & { readonly path: string } {
  if (path === undefined) throw new TypeError('a store is opened by a path or a URL');
  return { ...options, path };
}
