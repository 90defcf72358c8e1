import { Kysely, sql } from 'kysely';
import pg from 'pg';
import { checkMigrated, migrate, readMigrationStatus, type MigrationStatus } from './migrations.js';
import { postgresDdl } from './postgres-ddl.js';
import { WriterPostgresDialect } from './postgres-dialect.js';
import { postgresError } from './postgres-error.js';
import type { Database, Schema } from './schema.js';
import { Store, type StoreOptions } from './store.js';

/** {@link StoreOptions} of a PostgreSQL database. */
export type PostgresOptions = StoreOptions & { readonly url: string };

const CONNECT_MS = 5_000;
/** Longer than any statement of ours takes; a migration has no such bound. */
const STATEMENT_MS = 15_000;
/** A process that stopped amid a transaction lets the others write again after this. */
const IDLE_IN_TRANSACTION_MS = 60_000;
const BUSY_MS = 5_000;
const READERS = 4;

/**
 * The rows in a PostgreSQL database (13 or later) that several nodes may share. One connection writes, as one process of SQLite would; others read.
 * When the database goes away, each call fails at once or within its time with `store_unavailable`, and connections are made anew when it is back.
 */
class PostgresStore extends Store {
  override readonly isShared = true;

  override snapshot<T>(work: (database: Database) => Promise<T>): Promise<T> {
    return this.database.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work);
  }

  /** The set of transactions that a statement would see, in words: equal sets, equal rows. Nothing has to be written for it. */
  override async dataVersion(): Promise<string> {
    const { rows } = await sql<{ version: string }>`select pg_current_snapshot()::text as version`.execute(
      this.database,
    );
    return rows[0]?.version ?? '';
  }
}

/** See `openStore`. */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  const target = targetOf(options.url);
  if (options.readOnly) {
    const database = databaseOf(target, { ...options, most: READERS, readOnly: true });
    const store = new PostgresStore(target.name, database, database);
    try {
      await checkMigrated(database, target.name);
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }
  await migratePostgresStore(options);
  return new PostgresStore(
    target.name,
    databaseOf(target, { ...options, most: READERS, readOnly: true }),
    databaseOf(target, { ...options, most: 1 }),
  );
}

/** See `migrateStore`. `most` as in {@link migrate}. */
export function migratePostgresStore(options: PostgresOptions, most?: number): Promise<readonly string[]> {
  return once(options, {}, async (database, name) => {
    // Without the lock of the writers, and without the right to make tables, when there is nothing to do.
    const { pending } = await readMigrationStatus(database, name);
    return pending.length === 0 ? [] : migrate(database, name, most);
  });
}

/** See `migrationStatus`. */
export function postgresMigrationStatus(options: PostgresOptions): Promise<MigrationStatus> {
  return once(options, { readOnly: true }, readMigrationStatus);
}

/** Work on a connection of its own, in the schema's words and without a bound on its time. */
async function once<T>(
  options: PostgresOptions,
  { readOnly = false }: { readonly readOnly?: boolean },
  work: (database: Kysely<Schema>, name: string) => Promise<T>,
): Promise<T> {
  const target = targetOf(options.url);
  const database = databaseOf(target, { ...options, readOnly, most: 1, statementTimeout: 0, rewrite: postgresDdl });
  try {
    return await work(database, target.name);
  } catch (error) {
    throw postgresError(error, target.name);
  } finally {
    await database.destroy();
  }
}

interface Target {
  readonly url: string;
  readonly name: string;
}

/** What the URL says, and a name for it without user and password. */
function targetOf(url: string): Target {
  try {
    const { host, port, database } = new pg.Client({ connectionString: url });
    const where = host.startsWith('/') ? host : `${host}:${port}`;
    return { url, name: `postgres://${where}/${database ?? ''}` };
  } catch {
    // The reason would quote the URL.
    throw postgresError(new Error('its URL cannot be read'), 'store.url');
  }
}

interface DatabaseOptions {
  readonly most: number;
  readonly readOnly?: boolean | undefined;
  readonly busyTimeout?: number | undefined;
  readonly statementTimeout?: number;
  readonly rewrite?: (statement: string) => string;
}

function databaseOf(
  { url, name }: Target,
  { most, readOnly = false, busyTimeout = BUSY_MS, statementTimeout = STATEMENT_MS, rewrite }: DatabaseOptions,
): Kysely<Schema> {
  const pool = new pg.Pool({
    connectionString: url,
    max: most,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 0,
    keepAlive: true,
    allowExitOnIdle: true,
    lock_timeout: busyTimeout,
    statement_timeout: statementTimeout,
    // A server that does not answer at all is not waited for either.
    query_timeout: statementTimeout === 0 ? undefined : statementTimeout + CONNECT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    application_name: 'veritas',
    options: readOnly ? '-c default_transaction_read_only=on' : undefined,
    types,
  });
  // Of a connection that nobody uses: the next one to need it makes another.
  pool.on('error', () => undefined);
  return new Kysely<Schema>({ dialect: new WriterPostgresDialect({ pool, store: name, rewrite }) });
}

/** 64-bit integers as numbers, which ours all fit; everything else as `pg` reads it. */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('an integer of the store is beyond 2^53');
  return value;
});
