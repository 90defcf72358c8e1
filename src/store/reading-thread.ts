import type { CompiledQuery, DatabaseConnection, Dialect, QueryResult } from 'kysely';
import { sqliteDialect } from './sqlite-dialect.js';

/** A thread of the caller that reads a snapshot with its own `SqliteReader`, so that very many rows need not pass through the main thread. */
export interface ReadingThread {
  /** Opens the file. All three throw errors of SQLite. */
  readonly open: (path: string) => Promise<void>;
  readonly rows: (sql: string, parameters: readonly unknown[]) => Promise<readonly unknown[]>;
  readonly close: () => Promise<void>;
}

/** Kysely's SQLite over the connection of a thread. The caller opens and closes that connection. */
export const readingThreadDialect = (thread: ReadingThread): Dialect => {
  const connection = new ReadingConnection(thread);
  const nothing = (): Promise<void> => Promise.resolve();
  return sqliteDialect(() => ({
    init: nothing,
    acquireConnection: () => Promise.resolve(connection),
    beginTransaction: nothing,
    commitTransaction: nothing,
    rollbackTransaction: nothing,
    releaseConnection: nothing,
    destroy: nothing,
  }));
};

class ReadingConnection implements DatabaseConnection {
  readonly #thread: ReadingThread;

  constructor(thread: ReadingThread) {
    this.#thread = thread;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return { rows: (await this.#thread.rows(sql, parameters)) as R[] };
  }

  streamQuery(): never {
    throw new Error('pages are read by cursor, not streamed');
  }
}
