import type { CompiledQuery, Dialect, Driver, QueryResult } from 'kysely';
import { SqliteCheckpoints } from './sqlite-checkpoints.js';
import { sqliteDialect, STATEMENT_TIMEOUT, untilBegun } from './sqlite-dialect.js';
import type { WriterTerms } from './sqlite-protocol.js';
import { SqliteThread } from './sqlite-thread.js';
import type { TogetherConnection, TogetherStatement } from './together.js';

/** What a thread works on. */
export interface ThreadOptions {
  readonly path: string;
  /** How long a transaction waits for another connection's, in milliseconds. */
  readonly busyTimeout: number;
  readonly terms: WriterTerms;
}

/** Kysely's SQLite in a thread, for transactions one after the other; who writes has `GroupCommit` for that. The thread is started by the first. */
export const threadSqliteDialect = (options: ThreadOptions): Dialect => sqliteDialect(() => new ThreadDriver(options));

class ThreadDriver implements Driver {
  readonly #options: ThreadOptions;
  readonly #checkpoints: SqliteCheckpoints;
  #thread: SqliteThread | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#checkpoints = new SqliteCheckpoints(options.path);
  }

  async init(): Promise<void> {
    // The thread is started when it is needed: most commands only read.
  }

  acquireConnection(): Promise<ThreadConnection> {
    // In place of one that died.
    if (this.#thread === undefined || this.#thread.isDead) {
      const { path, terms } = this.#options;
      const thread: SqliteThread = new SqliteThread(path, {
        terms,
        statementTimeout: STATEMENT_TIMEOUT,
        committed: (state) => {
          this.#checkpoints.committed(state, thread);
        },
      });
      this.#thread = thread;
    }
    return Promise.resolve(new ThreadConnection(this.#thread, this.#options.busyTimeout));
  }

  async beginTransaction({ thread }: ThreadConnection): Promise<void> {
    await untilBegun(() => thread.tryBegin(), this.#options.busyTimeout);
  }

  async commitTransaction({ thread }: ThreadConnection): Promise<void> {
    await thread.run('commit', []);
  }

  async rollbackTransaction({ thread }: ThreadConnection): Promise<void> {
    if (!thread.isDead) await thread.run('rollback', []);
  }

  async releaseConnection(): Promise<void> {
    // Nothing was taken.
  }

  async destroy(): Promise<void> {
    await this.#checkpoints.close();
    await this.#thread?.close();
  }
}

class ThreadConnection implements TogetherConnection {
  readonly #busyTimeout: number;

  constructor(
    readonly thread: SqliteThread,
    busyTimeout: number,
  ) {
    this.#busyTimeout = busyTimeout;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    // A round trip less for each work of a commit.
    if (/^(?:savepoint|release) /.test(sql)) {
      this.thread.queue(sql);
      return { rows: [] };
    }
    const { rows, changes } = await this.thread.run(sql, parameters);
    return { rows: rows as R[], ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }) };
  }

  runTogether(statements: readonly TogetherStatement[]): Promise<boolean> {
    return this.thread.runTogether(statements);
  }

  async commitTogether(statements: readonly TogetherStatement[]): Promise<boolean> {
    let isDone: boolean | undefined;
    const tryCommit = async (): Promise<boolean> =>
      (isDone = await this.thread.tryCommitTogether(statements)) !== undefined;
    await untilBegun(tryCommit, this.#busyTimeout);
    return isDone === true;
  }

  streamQuery(): never {
    throw new Error('pages are read by cursor, not streamed');
  }
}
