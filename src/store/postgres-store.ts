import { Kysely, sql } from 'kysely';
import pg from 'pg';
import { checkMigrated, migrate, readMigrationStatus, type MigrationStatus } from './migrations.js';
import { postgresDdl } from './postgres-ddl.js';
import { CHANGES, WriterPostgresDialect, type PostgresDialectOptions } from './postgres-dialect.js';
import { postgresError, readOnlyError, unusableError } from './postgres-error.js';
import { PostgresListener, type Hearing } from './postgres-listener.js';
import { beginSession, CONNECT_MS, STATEMENT_MS, type SessionOptions } from './postgres-session.js';
import type { Database, Schema } from './schema.js';
import { StoreError } from './store-error.js';
import { Store, withSnapshot, type Exchange, type StoreOptions, type Topic } from './store.js';

/** {@link StoreOptions} of a PostgreSQL database. */
export type PostgresOptions = StoreOptions & { readonly url: string };

const READERS = 4;

/**
 * The rows in a PostgreSQL database (13 or later) that several nodes may share. One connection writes, as one process of SQLite would; others read.
 * When the database goes away, each call fails at once or within its time with `store_unavailable`, and connections are made anew when it is back.
 */
class PostgresStore extends Store {
  override readonly isShared = true;
  readonly #target: Target;
  readonly #listeners = new Set<PostgresListener>();

  constructor(target: Target, database: Kysely<Schema>, writer: Kysely<Schema>) {
    super(target.name, database, writer);
    this.#target = target;
  }

  protected override readSnapshot<T>(work: (database: Database) => Promise<T>): Promise<T> {
    return withSnapshot(this.database, 'begin isolation level repeatable read, read only', work);
  }

  /** The set of transactions that a statement would see, in words: equal sets, equal rows. Nothing has to be written for it. */
  override async dataVersion(): Promise<string> {
    const { rows } = await sql<{ version: string }>`select pg_current_snapshot()::text as version`.execute(
      this.database,
    );
    return rows[0]?.version ?? '';
  }

  override async checkWritable(): Promise<void> {
    const { rows } = await sql<{ standby: boolean }>`select pg_is_in_recovery() as standby`.execute(this.database);
    if (rows[0]?.standby) throw readOnlyError(this.name);
    await super.checkWritable();
  }

  override async clock(): Promise<Date | undefined> {
    const { rows } = await sql<{ at: Date }>`select clock_timestamp() as at`.execute(this.database);
    return rows[0]?.at;
  }

  override watch(onChange: () => void): () => void {
    const listener = this.#listen({ channel: CHANGES, hear: () => onChange() });
    return () => void listener.close();
  }

  override exchange(topic: Topic, hear: (message: string) => void): Exchange {
    return this.#listen({
      channel: `veritas_${topic}`,
      hear: (message) => {
        if (message !== undefined) hear(message);
      },
    });
  }

  #listen(hearing: Hearing): PostgresListener {
    const listener = new PostgresListener(connectionTo(this.#target, {}), hearing);
    this.#listeners.add(listener);
    return listener;
  }

  override async close(): Promise<void> {
    for (const listener of this.#listeners) await listener.close();
    await super.close();
  }
}

/** See `openStore`. */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  const target = targetOf(options.url);
  if (options.readOnly) {
    const database = databaseOf(target, { ...options, most: READERS, readOnly: true });
    const store = new PostgresStore(target, database, database);
    try {
      await checkMigrated(database, target.name);
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }
  if (!options.bare) {
    await migratePostgresStore(options);
    await once(options, {}, checkWritable);
  }
  const schemaWriter = { statementTimeout: 0, rewrite: postgresDdl };
  return new PostgresStore(
    target,
    databaseOf(target, { ...options, most: READERS, readOnly: true }),
    databaseOf(target, { ...options, most: 1, ...(options.bare ? schemaWriter : { checksSchema: true }) }),
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

/** What the product writes, by table; everything is read as well. Nothing but `migrate` and `restore` needs more. */
const RIGHTS: Readonly<Record<keyof Schema, readonly string[]>> = {
  issuer: ['insert', 'update'],
  cross_certificate: ['insert'],
  certificate: ['insert', 'update'],
  serial: ['insert'],
  idempotency: ['insert', 'delete'],
  enrollment_token: ['insert', 'update', 'delete'],
  release: ['insert', 'update'],
  crl: ['insert', 'delete'],
  crl_number: ['insert', 'update'],
  crl_part: ['insert', 'delete'],
  audit: ['insert'],
  audit_head: ['insert', 'update'],
  revoked_serial: [],
  crl_floor: [],
  policy: ['insert', 'update'],
  issuer_seen: ['insert', 'update'],
  unlisted_peer: ['insert', 'update', 'delete'],
  service_change: ['insert'],
  service_shadow: ['insert', 'update', 'delete'],
};

/** Whether the database can be written to by this role: said at the start, and not at the first certificate. Throws {@link StoreError}. */
async function checkWritable(database: Kysely<Schema>, store: string): Promise<void> {
  const wanted = Object.entries(RIGHTS).flatMap(([table, rights]) =>
    ['select', ...rights].map((right) => ({ table, right })),
  );
  const { rows } = await sql<{ readOnly: boolean; missing: string | null }>`
    select current_setting('transaction_read_only') = 'on' as "readOnly",
      (select string_agg(wanted.right || ' on ' || wanted.table, ', ')
        from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) as wanted("table" text, "right" text)
        where not has_table_privilege(wanted.table, wanted.right)) as missing`.execute(database);
  const [{ readOnly, missing } = { readOnly: false, missing: null }] = rows;
  if (readOnly) throw readOnlyError(store);
  if (missing !== null) throw unusableError(store, `its role lacks ${missing}`);
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
  } catch (error) {
    // A file that the URL names, of a certificate perhaps; any other reason would quote the URL.
    const { code, path } = error as NodeJS.ErrnoException;
    const reason = path === undefined ? 'its URL cannot be read' : `${path} cannot be read (${code})`;
    throw new StoreError('store_unavailable', `the store of store.urlFile cannot be used: ${reason}`);
  }
}

function connectionTo({ url }: Target, { statementTimeout = STATEMENT_MS }: SessionOptions): pg.ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    // A server that does not answer at all is not waited for either.
    query_timeout: statementTimeout === 0 ? undefined : statementTimeout + CONNECT_MS,
    application_name: 'veritas',
    types,
  };
}

/** `onConnect` is waited for, which its type does not say. */
interface PoolConfig extends Omit<pg.PoolConfig, 'onConnect'> {
  readonly onConnect: (client: pg.ClientBase) => Promise<void>;
}

function databaseOf(
  target: Target,
  {
    most,
    rewrite,
    checksSchema,
    ...options
  }: SessionOptions & Pick<PostgresDialectOptions, 'rewrite' | 'checksSchema'> & { readonly most: number },
): Kysely<Schema> {
  const config: PoolConfig = {
    ...connectionTo(target, options),
    max: most,
    idleTimeoutMillis: 0,
    allowExitOnIdle: true,
    onConnect: beginSession(options),
  };
  const pool = new pg.Pool(config);
  // Of a connection that nobody uses: the next one to need it makes another.
  pool.on('error', () => undefined);
  // Of one that is in use, or was just given out: unheard, its end would be that of the process. Its next statement fails, and says why.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return new Kysely<Schema>({
    dialect: new WriterPostgresDialect({ pool, store: target.name, rewrite, checksSchema }),
  });
}

/** 64-bit integers as numbers, which ours all fit; everything else as `pg` reads it. */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('an integer of the store is beyond 2^53');
  return value;
});
