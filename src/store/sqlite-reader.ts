import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

/** How long a statement waits for another connection that opens or closes the log, in milliseconds. */
const STATEMENT_TIMEOUT = 5_000;

/** A read-only connection to a SQLite file, for a thread that may block. Throws errors of SQLite. */
export class SqliteReader {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { readOnly: true, timeout: STATEMENT_TIMEOUT });
    // What is read once, from one end to the other, needs no two mebibytes of pages.
    this.#database.exec('pragma cache_size = -128');
  }

  /** Runs a statement, and gives its rows. */
  rows(sql: string, parameters: readonly unknown[]): Record<string, unknown>[] {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement.all(...(parameters as SQLInputValue[]));
  }

  close(): void {
    this.#database.close();
  }
}
