import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { Kysely } from 'kysely';
import { makeFolders } from '../files/index.js';
import { fileAt, logAt } from './file-at.js';
import {
  checkMigrated,
  LAST_MIGRATION,
  migrate,
  readMigrationStatus,
  SCHEMA,
  type MigrationStatus,
} from './migrations.js';
import { readingThreadDialect, type ReadingThread } from './reading-thread.js';
import type { Database, Schema, Transaction } from './schema.js';
import { nodeSqliteDialect, STATEMENT_TIMEOUT } from './sqlite-dialect.js';
import { CANNOT_WRITE, movedError, resultCodeOf, sqliteError, SqliteFailures } from './sqlite-error.js';
import { threadSqliteDialect } from './sqlite-thread-dialect.js';
import { StoreError } from './store-error.js';
import { Store, withSnapshot, type StoreOptions } from './store.js';
import type { WholeWork } from './together.js';

/** {@link StoreOptions} of a SQLite file. */
export type SqliteOptions = StoreOptions & { readonly path: string };

/** A file that is open, and how it is read. */
interface Opened {
  /** Its path, or a URL by which it is read as it is. */
  readonly address: string | URL;
  /** {@link stateAt} before it was opened. */
  readonly before: string;
  readonly sqlite: DatabaseSync;
  readonly database: Kysely<Schema>;
  readonly failures: SqliteFailures;
}

const BUSY_MS = 5_000;
const BEGIN = 'begin deferred';

/** The rows in one SQLite file in write-ahead mode, each commit flushed to the disk. */
class SqliteStore extends Store {
  readonly #sqlite: DatabaseSync;
  readonly #address: string | URL;
  readonly #before: string;
  readonly #file: string;
  readonly #log: string;
  readonly #failures: SqliteFailures;
  /** The snapshots that are being read. */
  readonly #reading = new Set<Promise<unknown>>();

  constructor({ address, before, sqlite, database, failures }: Opened, writer: Kysely<Schema> = database) {
    super(failures.path, database, writer);
    this.#sqlite = sqlite;
    this.#address = address;
    this.#before = before;
    this.#file = fileAt(failures.path);
    this.#log = logAt(failures.path);
    this.#failures = failures;
  }

  override readonly isShared = false;

  override async transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    whole?: () => WholeWork<T> | undefined,
  ): Promise<T> {
    try {
      return await super.transaction(work, whole);
    } catch (error) {
      throw this.#failures.of(error);
    }
  }

  /** A damaged page may lie where few come by: whoever did, did so for all. */
  override async checkWritable(): Promise<void> {
    if (this.#failures.damage) throw this.#failures.damage;
    await super.checkWritable();
  }

  /** On a connection of its own: one connection, one transaction. */
  protected override async readSnapshot<T>(
    work: (database: Database) => Promise<T>,
    thread: ReadingThread | undefined,
  ): Promise<T> {
    // There is no second connection to a database in memory.
    if (this.name === ':memory:') return work(this.database);
    const read = thread ? this.#readIn(thread, work) : this.#readHere(work);
    this.#reading.add(read);
    try {
      return await read;
    } catch (error) {
      throw this.#failures.of(error);
    } finally {
      this.#reading.delete(read);
    }
  }

  async #readIn<T>(thread: ReadingThread, work: (database: Database) => Promise<T>): Promise<T> {
    await thread.open(this.name);
    try {
      return await withSnapshot(new Kysely<Schema>({ dialect: readingThreadDialect(thread) }), BEGIN, work);
    } finally {
      await thread.close();
    }
  }

  async #readHere<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const sqlite = new DatabaseSync(this.#address, { readOnly: true, timeout: STATEMENT_TIMEOUT });
    const database = new Kysely<Schema>({
      dialect: nodeSqliteDialect(sqlite, { failures: this.#failures, busyTimeout: BUSY_MS }),
    });
    try {
      return await withSnapshot(database, BEGIN, work);
    } finally {
      await database.destroy();
    }
  }

  override async close(): Promise<void> {
    await super.close();
    if (this.#address !== this.name && stateAt(this.name) !== this.#before)
      throw new StoreError(
        'store_unavailable',
        `the store ${this.name} was written elsewhere while it was read, so that what was read may be wrong: ask again`,
      );
  }

  protected override async closeReaders(): Promise<void> {
    await Promise.allSettled(this.#reading);
  }

  // `PRAGMA data_version`: of this connection, so that commits of the writer count as well.
  override dataVersion(): Promise<string> {
    return new Promise((resolve) => {
      if (fileAt(this.name) !== this.#file || logAt(this.name) !== this.#log) throw movedError(this.name);
      resolve(this.#failures.in(() => String(this.#sqlite.prepare('pragma data_version').get()?.data_version)));
    });
  }

  override clock(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** A file tells nobody. */
  override watch(): () => void {
    return () => undefined;
  }

  override exchange(): undefined {
    return undefined;
  }
}

/** See `openStore`. */
export async function openSqliteStore({
  path,
  readOnly = false,
  bare = false,
  busyTimeout = BUSY_MS,
}: SqliteOptions): Promise<Store> {
  return opened({ path, readOnly, busyTimeout }, async (file) => {
    const { sqlite, database } = file;
    if (!bare) await (readOnly ? checkMigrated : migrate)(database, path);
    if (path === ':memory:' || readOnly) return new SqliteStore(file);
    // From here on this connection reads; another one, in a thread, writes.
    // 16 MiB of pages, so that what stands above the leaves of the indexes of a million certificates stays in memory.
    sqlite.exec('pragma query_only = on; pragma cache_size = -16384');
    const seen = { log: logAt(path), schema: { last: SCHEMA, query: LAST_MIGRATION } };
    const terms = { file: fileAt(path), ...(bare ? {} : seen) };
    const writer = new Kysely<Schema>({ dialect: threadSqliteDialect({ path, busyTimeout, terms }) });
    return new SqliteStore(file, writer);
  });
}

/** See `migrateStore`. */
export function migrateSqliteStore({ path, busyTimeout = BUSY_MS }: SqliteOptions): Promise<readonly string[]> {
  return opened({ path, readOnly: false, busyTimeout }, async ({ database }) => {
    const applied = await migrate(database, path);
    await database.destroy();
    return applied;
  });
}

/** See `migrationStatus`. */
export function sqliteMigrationStatus({ path }: SqliteOptions): Promise<MigrationStatus> {
  return opened({ path, readOnly: true, busyTimeout: BUSY_MS }, async ({ database }) => {
    const status = await readMigrationStatus(database, path);
    await database.destroy();
    return status;
  });
}

async function opened<T>(
  { path, readOnly, busyTimeout }: { readonly path: string; readonly readOnly: boolean; readonly busyTimeout: number },
  work: (file: Opened) => Promise<T>,
): Promise<T> {
  let sqlite: DatabaseSync | undefined;
  try {
    if (path !== ':memory:' && !readOnly) makeFile(path);
    const before = stateAt(path);
    const address = readOnly ? addressFor(path) : path;
    sqlite = new DatabaseSync(address, { readOnly, timeout: STATEMENT_TIMEOUT, enableForeignKeyConstraints: true });
    checkIsOurs(sqlite, path);
    if (!readOnly) sqlite.exec('pragma journal_mode = wal; pragma synchronous = full');
    const failures = new SqliteFailures(path);
    const database = new Kysely<Schema>({ dialect: nodeSqliteDialect(sqlite, { failures, busyTimeout }) });
    return await work({ address, before, sqlite, database, failures });
  } catch (error) {
    if (sqlite?.isOpen) sqlite.close();
    throw sqliteError(error, path);
  }
}

/**
 * Who reads makes files beside the database, so that writers know of it. Where that is not possible, a file without a log, which is then all of the store, is
 * read as it is (https://sqlite.org/wal.html §5), and looked at again at the end: a writer elsewhere would have changed it. Throws {@link StoreError}.
 */
function addressFor(path: string): string | URL {
  const sqlite = new DatabaseSync(path, { readOnly: true, timeout: STATEMENT_TIMEOUT });
  try {
    sqlite.prepare('select 1 from sqlite_schema').get();
    return path;
  } catch (error) {
    if (!CANNOT_WRITE.includes(resultCodeOf(error)) || fileAt(path) === '') throw error;
    if (logOctets(path) > 0)
      throw new StoreError(
        'store_unavailable',
        `the store ${path} cannot be used: what was committed last is in its -wal, which only who may write to its folder can bring in`,
        { cause: error },
      );
    const url = pathToFileURL(path);
    url.searchParams.set('immutable', '1');
    return url;
  } finally {
    sqlite.close();
  }
}

/** What changes with whatever is written. */
function stateAt(path: string): string {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  return `${fileAt(path)} ${there?.size} ${there?.mtimeNs} ${logAt(path)} ${logOctets(path)}`;
}

/** How long the log is: empty, as who only reads may leave it, it is none. */
const logOctets = (path: string): number => statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;

/** Throws {@link StoreError} where there are tables, and not those of a store. */
function checkIsOurs(sqlite: DatabaseSync, path: string): void {
  const other = sqlite
    .prepare(
      `select 1 from sqlite_schema where type = 'table'
        and not exists (select 1 from pragma_table_info('migration') where name = 'applied_at') limit 1`,
    )
    .get();
  if (other)
    throw new StoreError(
      'store_corrupt',
      `the store ${path} is the database of another program: name another file (store.path names it)`,
    );
}

function makeFile(path: string): void {
  const folder = dirname(path);
  makeFolders(folder, 0o700);
  closeSync(openSync(path, 'a', 0o600));
  // SQLite gives its -wal and -shm files the mode of the database.
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}
