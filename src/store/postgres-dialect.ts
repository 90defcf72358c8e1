import {
  CompiledQuery,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type DatabaseMetadataOptions,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  type TableMetadata,
} from 'kysely';
import type pg from 'pg';
import { LAST_MIGRATION, SCHEMA } from './migrations.js';
import { isBroken, postgresError } from './postgres-error.js';
import { inPostgres, IS_AS_KNOWN, isOtherwise } from './postgres-together.js';
import { tooNewError } from './store-error.js';
import type { TogetherConnection, TogetherStatement } from './together.js';
import { TransactionMessage, withoutValues, type PostgresStatement } from './transaction-message.js';

/** What the dialect runs on. */
export interface PostgresDialectOptions {
  readonly pool: pg.Pool;
  /** What messages call the store. */
  readonly store: string;
  /** What each statement is turned into before it is sent; as it is when absent. */
  readonly rewrite?: ((statement: string) => string) | undefined;
  /** Begin no transaction on a schema that is newer than the program's; false: there may be none yet. */
  readonly checksSchema?: boolean | undefined;
}

/**
 * Kysely's PostgreSQL on `pg`. A transaction begins by taking the one lock of all writers, as SQLite's immediate transactions do. Errors of the
 * database and of the way to it are StoreErrors, and a connection that had one is not used again.
 */
export class WriterPostgresDialect implements Dialect {
  readonly #options: PostgresDialectOptions;

  constructor(options: PostgresDialectOptions) {
    this.#options = options;
  }

  createDriver(): Driver {
    return new PostgresDriver(this.#options);
  }

  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new PostgresAdapter();
  }

  createIntrospector(database: Kysely<unknown>): PostgresIntrospector {
    return new VisibleTables(database);
  }
}

/** Of the tables in a database those that their name alone means: somebody else may have an `audit` in a schema of theirs. */
class VisibleTables extends PostgresIntrospector {
  readonly #database: Kysely<unknown>;

  constructor(database: Kysely<unknown>) {
    super(database);
    this.#database = database;
  }

  override async getTables(options?: DatabaseMetadataOptions): Promise<TableMetadata[]> {
    const tables = await super.getTables(options);
    const { rows } = await sql<{ path: string[] }>`select current_schemas(false)::text[] as path`.execute(
      this.#database,
    );
    const isIn = (schema: string, name: string): boolean =>
      tables.some((table) => table.name === name && table.schema === schema);
    return tables.filter(({ name, schema }) => rows[0]?.path.find((each) => isIn(each, name)) === schema);
  }
}

/** Any number will do, as long as every version takes the same: "veritas" in octets. */
const WRITERS = '33325589321769331';

/*
 * One message: the lock is waited for inside the transaction, and whoever has it sees what the one before committed, because each statement of a
 * read-committed transaction looks anew, and a commit is visible before its lock is let go. A server that was told to forget the last commits
 * at a crash is told otherwise; a stronger setting (remote_apply) stays.
 */
const BEGIN = `begin isolation level read committed;
select pg_advisory_xact_lock(${WRITERS});
select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'`;
/** The same for what goes in one message. */
const LOCK: PostgresStatement = withoutValues(
  `select pg_advisory_xact_lock(${WRITERS}),
    case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', true) end`,
);
const SAVEPOINT = withoutValues('savepoint together');
const RELEASE = withoutValues('release together');

/** The channel on which each commit that other nodes act on is told. */
export const CHANGES = 'veritas_changes';
const TELL_OTHERS = withoutValues(`select pg_notify('${CHANGES}', '')`);

/** What other nodes act on: revocations, lists, what becomes of the CAs, and of services. That something was issued changes nothing for them. */
const FOR_OTHERS =
  /^(?:update "?(?:certificate|issuer)\b|insert into "?(?:crl|issuer|cross_certificate|service_change)\b)/;

const isForOthers = ({ sql }: { readonly sql: string }): boolean => FOR_OTHERS.test(sql);

type Result = pg.QueryResult<Readonly<Record<string, unknown>>>;

class PostgresDriver implements Driver {
  readonly #options: PostgresDialectOptions;

  constructor(options: PostgresDialectOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {
    // Connections are made when they are needed.
  }

  async acquireConnection(): Promise<PostgresConnection> {
    try {
      return new PostgresConnection(await this.#options.pool.connect(), this.#options);
    } catch (error) {
      throw postgresError(error, this.#options.store);
    }
  }

  beginTransaction(connection: PostgresConnection): Promise<void> {
    return connection.begin();
  }

  commitTransaction(connection: PostgresConnection): Promise<void> {
    return connection.commit();
  }

  rollbackTransaction(connection: PostgresConnection): Promise<void> {
    return connection.rollback();
  }

  async releaseConnection(connection: PostgresConnection): Promise<void> {
    connection.release();
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return this.#options.pool.end();
  }
}

class PostgresConnection implements TogetherConnection {
  readonly #client: pg.PoolClient;
  readonly #options: PostgresDialectOptions;
  #broken = false;
  #touched = false;

  constructor(client: pg.PoolClient, options: PostgresDialectOptions) {
    this.#client = client;
    this.#options = options;
  }

  async begin(): Promise<void> {
    const { checksSchema = false, store } = this.#options;
    try {
      const { rows } = await this.#run(checksSchema ? `${BEGIN};\n${LAST_MIGRATION}` : BEGIN);
      const last = checksSchema ? (rows[0] as { readonly name?: string } | undefined)?.name : undefined;
      if (last !== undefined && last > SCHEMA) throw tooNewError(store, last);
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async commit(): Promise<void> {
    // Whoever listens hears of it when the rows are there, and not at all when they never are.
    await this.#run(this.#touched ? `${TELL_OTHERS.text}; commit` : 'commit');
  }

  /** Never throws: the server undoes what a lost connection began. */
  async rollback(): Promise<void> {
    await this.#run('rollback').catch(() => undefined);
  }

  async runTogether(statements: readonly TogetherStatement[]): Promise<boolean> {
    const isDone = await this.#send([SAVEPOINT, ...statements.flatMap(inPostgres), RELEASE], async () => {
      // Where the savepoint itself failed there is none, and the transaction has ended: why it failed is of more use.
      if (!this.#broken) await this.#run('rollback to together; release together').catch(() => undefined);
    });
    if (isDone) this.#touched ||= statements.some(isForOthers);
    return isDone;
  }

  async commitTogether(statements: readonly TogetherStatement[]): Promise<boolean> {
    if (!this.#options.checksSchema) return false;
    const told = statements.some(isForOthers) ? [TELL_OTHERS] : [];
    return this.#send([LOCK, IS_AS_KNOWN, ...statements.flatMap(inPostgres), ...told]);
  }

  /** False when a statement did not come to its number of rows. `undo` is called when not all is done. */
  async #send(statements: readonly PostgresStatement[], undo?: () => Promise<void>): Promise<boolean> {
    try {
      await TransactionMessage.send(this.#client, statements);
      return true;
    } catch (error) {
      this.#broken ||= isBroken(error);
      await undo?.();
      if (isOtherwise(error)) return false;
      throw postgresError(error, this.#options.store);
    }
  }

  #run(statement: string): Promise<QueryResult<unknown>> {
    return this.executeQuery(CompiledQuery.raw(statement));
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    this.#touched ||= isForOthers(query);
    const result = await this.#query(query.sql, query.parameters);
    if (!result) return { rows: [] };
    const { rows, rowCount, command } = result;
    return { rows: rows as R[], ...(command === 'SELECT' ? {} : { numAffectedRows: BigInt(rowCount ?? 0) }) };
  }

  /** The result of the last statement in `sql`. */
  async #query(sql: string, parameters: readonly unknown[]): Promise<Result | undefined> {
    const { rewrite, store } = this.#options;
    try {
      // Without parameters it goes as one message, which may hold several statements.
      const text = rewrite ? rewrite(sql) : sql;
      const result = (await this.#client.query(parameters.length > 0 ? { text, values: [...parameters] } : text)) as
        Result | Result[];
      return 'rows' in result ? result : result.at(-1);
    } catch (error) {
      this.#broken ||= isBroken(error);
      throw postgresError(error, store);
    }
  }

  streamQuery(): never {
    throw new Error('pages are read by cursor, not streamed');
  }

  release(): void {
    this.#client.release(this.#broken);
  }
}
