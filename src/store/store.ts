import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { GroupCommit } from './group-commit.js';
import { checkMigrated, migrate } from './migrations.js';
import type { Database, Schema, Transaction } from './schema.js';
import { NodeSqliteDialect, resultCodeOf, STATEMENT_TIMEOUT } from './sqlite-dialect.js';
import { StoreError } from './store-error.js';

export interface StoreOptions {
  /** The file of the database, or `:memory:`. Its folder is made with mode 0700, the file with 0600. */
  readonly path: string;
  /** Open an existing store and write nothing to it. */
  readonly readOnly?: boolean;
  /** How long to wait for another process's transaction, in milliseconds; 5000 when absent. */
  readonly busyTimeout?: number;
}

/** The rows of the product: one SQLite database in write-ahead mode, each commit flushed to disk before it counts. */
export class Store {
  readonly path: string;
  /** For reading outside a transaction; writing is for {@link transaction}. Inside a transaction's callback it would wait for ever: use the transaction there. */
  readonly database: Database;
  readonly #sqlite: DatabaseSync;
  readonly #commits: GroupCommit;

  /** See {@link openStore}. */
  constructor(path: string, sqlite: DatabaseSync, busyTimeout: number) {
    this.path = path;
    this.#sqlite = sqlite;
    this.database = new Kysely<Schema>({ dialect: new NodeSqliteDialect(sqlite, busyTimeout) });
    this.#commits = new GroupCommit(this.database);
  }

  /**
   * Runs `work` as one transaction, alone among all processes: begins as soon as no other one writes, is durable when this returns, undone when
   * `work` throws. Works that arrive together share a commit, see {@link GroupCommit}.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#commits.run(work);
  }

  /** A number that changes when another connection has committed (`PRAGMA data_version`); commits through this store do not count. Takes microseconds. */
  dataVersion(): number {
    const row = this.#sqlite.prepare('pragma data_version').get();
    return Number(row?.data_version);
  }

  close(): Promise<void> {
    return this.database.destroy();
  }
}

/**
 * Opens the store, makes it when it is absent, and brings its schema forward. Throws {@link StoreError}: `store_unavailable` when the file
 * cannot be opened or is locked, `store_too_new` when a newer version wrote it, `store_corrupt` when it is no database.
 */
export async function openStore({ path, readOnly = false, busyTimeout = 5000 }: StoreOptions): Promise<Store> {
  let sqlite: DatabaseSync | undefined;
  try {
    if (path !== ':memory:' && !readOnly) makeFile(path);
    sqlite = new DatabaseSync(path, { readOnly, timeout: STATEMENT_TIMEOUT, enableForeignKeyConstraints: true });
    if (!readOnly) sqlite.exec('pragma journal_mode = wal; pragma synchronous = full');
    const store = new Store(path, sqlite, busyTimeout);
    await (readOnly ? checkMigrated : migrate)(store.database, path);
    return store;
  } catch (error) {
    if (sqlite?.isOpen) sqlite.close();
    throw storeErrorOf(error, path);
  }
}

function makeFile(path: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
  // SQLite gives its -wal and -shm files the mode of the database.
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

// SQLite result codes: https://sqlite.org/rescode.html
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function storeErrorOf(error: unknown, path: string): unknown {
  if (error instanceof StoreError) return error;
  const code = resultCodeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB)
    return new StoreError('store_corrupt', `the store ${path} is not a sound database: restore a backup`, {
      cause: error,
    });
  return new StoreError('store_unavailable', `the store ${path} cannot be opened: ${reason}`, { cause: error });
}
