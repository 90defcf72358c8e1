import {
  CompiledQuery,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
} from 'kysely';
import { STATEMENT_TIMEOUT, untilBegun } from './sqlite-dialect.js';
import { SqliteWriter } from './sqlite-writer.js';
import type { CompiledStatement, TogetherConnection } from './together.js';

/** Kysely's SQLite in a thread, for transactions one after the other; `GroupCommit` sees to that. The thread is started by the first. */
export class WriterSqliteDialect implements Dialect {
  readonly #path: string;
  readonly #busyTimeout: number;

  /** `busyTimeout`: how long a transaction waits for another connection's, in milliseconds. */
  constructor(path: string, busyTimeout: number) {
    this.#path = path;
    this.#busyTimeout = busyTimeout;
  }

  createDriver(): Driver {
    return new WriterDriver(this.#path, this.#busyTimeout);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter();
  }

  createIntrospector(database: Kysely<unknown>): SqliteIntrospector {
    return new SqliteIntrospector(database);
  }
}

class WriterDriver implements Driver {
  readonly #path: string;
  readonly #busyTimeout: number;
  #writer: SqliteWriter | undefined;

  constructor(path: string, busyTimeout: number) {
    this.#path = path;
    this.#busyTimeout = busyTimeout;
  }

  async init(): Promise<void> {
    // The thread is started when it is needed: most commands only read.
  }

  acquireConnection(): Promise<WriterConnection> {
    // In place of one that died.
    if (this.#writer === undefined || this.#writer.isDead)
      this.#writer = new SqliteWriter(this.#path, STATEMENT_TIMEOUT);
    return Promise.resolve(new WriterConnection(this.#writer));
  }

  async beginTransaction({ writer }: WriterConnection): Promise<void> {
    await untilBegun(() => writer.tryBegin(), this.#busyTimeout);
  }

  async commitTransaction({ writer }: WriterConnection): Promise<void> {
    await writer.run('commit', []);
  }

  async rollbackTransaction({ writer }: WriterConnection): Promise<void> {
    if (!writer.isDead) await writer.run('rollback', []);
  }

  async releaseConnection(): Promise<void> {
    // Nothing was taken.
  }

  async destroy(): Promise<void> {
    await this.#writer?.close();
  }
}

class WriterConnection implements TogetherConnection {
  constructor(readonly writer: SqliteWriter) {}

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    // A round trip less for each work of a commit.
    if (/^(?:savepoint|release) /.test(sql)) {
      this.writer.queue(sql);
      return { rows: [] };
    }
    const { rows, changes } = await this.writer.run(sql, parameters);
    return { rows: rows as R[], ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }) };
  }

  runTogether(statements: readonly CompiledStatement[]): Promise<boolean> {
    return this.writer.runTogether(statements);
  }

  streamQuery(): never {
    throw new Error('pages are read by cursor, not streamed');
  }
}
