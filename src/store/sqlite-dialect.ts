import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { CompiledQuery, SqliteDialect, SqliteDriver, type DatabaseConnection, type Driver } from 'kysely';

const MAX_STATEMENTS = 256;

/** Kysely's SQLite dialect on a node:sqlite database. Transactions begin immediately: two writers wait for each other instead of failing at commit. */
export class NodeSqliteDialect extends SqliteDialect {
  readonly #database: SqliteDatabaseAdapter;

  constructor(database: DatabaseSync) {
    const adapter = new SqliteDatabaseAdapter(database);
    super({ database: adapter });
    this.#database = adapter;
  }

  override createDriver(): Driver {
    return new ImmediateDriver({ database: this.#database });
  }
}

class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

/** The shape that Kysely asks for, with the statements prepared before kept: preparing costs more than most of them. */
class SqliteDatabaseAdapter {
  readonly #statements = new Map<string, SqliteStatementAdapter>();

  constructor(readonly database: DatabaseSync) {}

  close(): void {
    this.#statements.clear();
    this.database.close();
  }

  prepare(sql: string): SqliteStatementAdapter {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = new SqliteStatementAdapter(this.database.prepare(sql));
    if (this.#statements.size < MAX_STATEMENTS) this.#statements.set(sql, statement);
    return statement;
  }
}

class SqliteStatementAdapter {
  readonly reader: boolean;

  constructor(readonly statement: StatementSync) {
    this.reader = statement.columns().length > 0;
  }

  all(parameters: readonly unknown[]): unknown[] {
    return this.statement.all(...(parameters as SQLInputValue[]));
  }

  run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint } {
    return this.statement.run(...(parameters as SQLInputValue[]));
  }

  iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    return this.statement.iterate(...(parameters as SQLInputValue[]));
  }
}
