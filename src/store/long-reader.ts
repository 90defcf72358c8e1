import { Kysely } from 'kysely';
import { fileAt } from './file-at.js';
import type { Schema } from './schema.js';
import { ThreadSqliteDialect } from './sqlite-thread-dialect.js';

const IDLE_MS = 10_000;

/**
 * A thread for long reads, one after the other. It stays for ten seconds after the last one, because lists are often read in a row, as shards are, and
 * starting a thread takes processor time from requests.
 */
export class LongReader {
  readonly #path: string;
  readonly #busyTimeout: number;
  #open: { readonly database: Kysely<Schema>; readonly file: string } | undefined;
  #idle: NodeJS.Timeout | undefined;
  #before: Promise<unknown> = Promise.resolve();

  constructor(path: string, busyTimeout: number) {
    this.#path = path;
    this.#busyTimeout = busyTimeout;
  }

  /** Runs `work` when those before are over, on the file that is there then. Throws what it throws, and what SQLite says. */
  read<T>(work: (database: Kysely<Schema>) => Promise<T>): Promise<T> {
    const read = this.#before.then(() => this.#read(work));
    this.#before = read.catch(() => undefined);
    return read;
  }

  /** Waits for what is being read. */
  async close(): Promise<void> {
    await this.#before;
    await this.#end();
  }

  async #read<T>(work: (database: Kysely<Schema>) => Promise<T>): Promise<T> {
    const file = fileAt(this.#path);
    if (this.#open?.file !== file) await this.#end();
    clearTimeout(this.#idle);
    this.#open ??= { file, database: new Kysely<Schema>({ dialect: this.#dialect() }) };
    try {
      return await work(this.#open.database);
    } finally {
      this.#idle = setTimeout(() => {
        // Waited for by who closes, or reads next.
        this.#before = this.#end().catch(() => undefined);
      }, IDLE_MS).unref();
    }
  }

  #dialect(): ThreadSqliteDialect {
    return new ThreadSqliteDialect({ path: this.#path, readOnly: true, busyTimeout: this.#busyTimeout });
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const open = this.#open;
    this.#open = undefined;
    await open?.database.destroy();
  }
}
