import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import {
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type Dialect,
  type Driver,
} from 'kysely';
import { resultCodeOf, SQLITE_BUSY, type SqliteFailures } from './sqlite-error.js';
import { StoreError } from './store-error.js';

const MAX_STATEMENTS = 256;
/** How long a single statement waits, with the thread, for the moment in which another connection opens or closes the log. */
export const STATEMENT_TIMEOUT = 250;

/** Kysely's SQLite over another driver than its own. */
export const sqliteDialect = (createDriver: () => Driver): Dialect => ({
  createDriver,
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createAdapter: () => new SqliteAdapter(),
  createIntrospector: (database) => new SqliteIntrospector(database),
});

/**
 * Kysely's SQLite on a node:sqlite database. Transactions begin immediately: two writers wait for each other instead of failing at commit. `busyTimeout`: how
 * long a transaction waits for another connection's, in milliseconds.
 */
export const nodeSqliteDialect = (
  database: DatabaseSync,
  { failures, busyTimeout }: { readonly failures: SqliteFailures; readonly busyTimeout: number },
): Dialect => sqliteDialect(() => new ImmediateDriver(new SqliteDatabaseAdapter(database, failures), busyTimeout));

const LONGEST_PAUSE = 25;

class ImmediateDriver extends SqliteDriver {
  readonly #database: SqliteDatabaseAdapter;
  readonly #busyTimeout: number;

  constructor(database: SqliteDatabaseAdapter, busyTimeout: number) {
    super({ database });
    this.#database = database;
    this.#busyTimeout = busyTimeout;
  }

  /** SQLite would wait with the whole thread, and for a transaction of this very process for ever: the waiting is done here. */
  override async beginTransaction(): Promise<void> {
    await untilBegun(() => this.#database.tryBegin(), this.#busyTimeout);
  }
}

/** Tries to begin until it can, the other writer having ended. Throws {@link StoreError} `store_unavailable` after `busyTimeout` milliseconds. */
export async function untilBegun(tryBegin: () => boolean | Promise<boolean>, busyTimeout: number): Promise<void> {
  const until = performance.now() + busyTimeout;
  for (let pause = 1; !(await tryBegin()); pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    if (performance.now() >= until)
      throw new StoreError('store_unavailable', `the store is locked by another process for ${busyTimeout} ms`);
    await setTimeout(pause * (0.5 + Math.random()));
  }
}

/** The shape that Kysely asks for, with the statements prepared before kept: preparing costs more than most of them. */
class SqliteDatabaseAdapter {
  readonly #statements = new Map<string, SqliteStatementAdapter>();

  constructor(
    readonly database: DatabaseSync,
    readonly failures: SqliteFailures,
  ) {}

  close(): void {
    this.#statements.clear();
    this.database.close();
  }

  /** Begins a transaction that may write, or gives false at once when another connection has one. */
  tryBegin(): boolean {
    this.database.exec('pragma busy_timeout = 0');
    try {
      this.database.exec('begin immediate');
      return true;
    } catch (error) {
      if (resultCodeOf(error) === SQLITE_BUSY) return false;
      throw this.failures.of(error);
    } finally {
      this.database.exec(`pragma busy_timeout = ${STATEMENT_TIMEOUT}`);
    }
  }

  prepare(sql: string): SqliteStatementAdapter {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.failures.in(() => new SqliteStatementAdapter(this.database.prepare(sql), this.failures));
    if (this.#statements.size < MAX_STATEMENTS) this.#statements.set(sql, statement);
    return statement;
  }
}

class SqliteStatementAdapter {
  readonly reader: boolean;

  constructor(
    readonly statement: StatementSync,
    readonly failures: SqliteFailures,
  ) {
    this.reader = statement.columns().length > 0;
  }

  all(parameters: readonly unknown[]): unknown[] {
    return this.failures.in(() => this.statement.all(...(parameters as SQLInputValue[])));
  }

  run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint } {
    return this.failures.in(() => this.statement.run(...(parameters as SQLInputValue[])));
  }

  iterate(): never {
    throw new Error('pages are read by cursor, not streamed');
  }
}
