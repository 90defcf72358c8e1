import { sql, type Kysely } from 'kysely';
import { GroupCommit } from './group-commit.js';
import { checkNotNewer } from './migrations.js';
import type { ReadingThread } from './reading-thread.js';
import type { Database, Schema, Transaction } from './schema.js';
import { StoreError } from './store-error.js';
import type { WholeWork } from './together.js';

/** Which store, and how. With `url` it is PostgreSQL, otherwise the SQLite file at `path`. */
export interface StoreOptions {
  /** The file of the database, or `:memory:`. Its folder is made with mode 0700, the file with 0600. */
  readonly path?: string | undefined;
  /** `postgres://user:password@host/database`, with the parameters that libpq knows, such as `sslmode` and a socket's folder as `host`. Never shown. */
  readonly url?: string | undefined;
  /** Open an existing store, and write nothing to it. */
  readonly readOnly?: boolean | undefined;
  /** Leave the schema as it is, absent or of an earlier version, for a caller that makes it in one transaction with the rows. */
  readonly bare?: boolean | undefined;
  /** How long to wait for another process's transaction, in milliseconds; 5000 when absent. */
  readonly busyTimeout?: number | undefined;
}

/** What nodes send each other messages about. */
export type Topic = 'rates';

/** See {@link Store.exchange}. */
export interface Exchange {
  /** Tells the others, each message at most 7999 octets. What cannot be told now is not told. Never rejects. */
  readonly tell: (messages: readonly string[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The rows of the product, in a database of either kind. Each commit is durable before it counts, and writers take turns. */
export abstract class Store {
  /** Its name in messages: the file, or the database and its host; never a password. */
  readonly name: string;
  /** For reading what is committed, outside a transaction. To write, use {@link transaction}. */
  readonly database: Database;
  readonly #writer: Kysely<Schema>;
  readonly #commits: GroupCommit;
  #isClosed = false;

  /** See `openStore`. `writer` may be `database` itself, where there is one connection. */
  constructor(name: string, database: Kysely<Schema>, writer: Kysely<Schema>) {
    this.name = name;
    this.database = database;
    this.#writer = writer;
    this.#commits = new GroupCommit(writer);
  }

  /**
   * Runs `work` as one transaction, alone among all processes: it begins as soon as nobody else writes, is durable when this returns, and is undone when
   * `work` throws. Works that arrive together share a commit, see {@link GroupCommit}. Throws {@link StoreError} `store_unavailable` when the database is
   * locked, full, gone or closed; the next call tries again. `whole` returns the same work as statements, or undefined. Where the database takes statements
   * in one message, they run instead of `work`, and `work` runs after all when one of them does not affect the expected number of rows.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, whole?: () => WholeWork<T> | undefined): Promise<T> {
    if (this.#isClosed) return Promise.reject(this.#closedError());
    return this.#commits.run(work, whole);
  }

  /**
   * Runs `work` on the rows as they are now, however long it takes and whatever is written meanwhile. It has a connection of its own, so that it holds up
   * nobody, and can only read. Where the rows would otherwise be read in this thread, they are read in `thread`, which is for very many. Throws {@link
   * StoreError} when the database is gone.
   */
  snapshot<T>(work: (database: Database) => Promise<T>, thread?: ReadingThread): Promise<T> {
    if (this.#isClosed) return Promise.reject(this.#closedError());
    return this.readSnapshot(work, thread);
  }

  /**
   * A text that changes whenever another connection has committed, and may change when this store has: equal texts mean equal rows. It takes a fraction of a
   * millisecond. Throws {@link StoreError} when the database is gone, so it also tells whether the store can be read.
   */
  abstract dataVersion(): Promise<string>;

  /**
   * Checks whether the database would accept writes now, as far as reading can tell, without waiting for another writer. Throws {@link StoreError}
   * `store_unavailable` when the database is gone, another one or a standby, `store_too_new` when a newer version has brought it forward.
   */
  async checkWritable(): Promise<void> {
    await this.dataVersion();
    await checkNotNewer(this.database, this.name);
  }

  /**
   * Calls `onChange` at once when a process committed something that others act on, where and as long as the database can tell. It is only a hint, for code
   * that asks for {@link dataVersion} from time to time anyway. The returned function ends it, and so does {@link close}.
   */
  abstract watch(onChange: () => void): () => void;

  /**
   * Exchanges messages with the other nodes on this database. They are not kept: a node that is not listening misses them. Undefined when there can be no
   * other node. {@link close} ends it.
   */
  abstract exchange(topic: Topic, hear: (message: string) => void): Exchange | undefined;

  /** The time by the database's clock; undefined when that is the clock of this machine. Throws {@link StoreError} when the database is gone. */
  abstract clock(): Promise<Date | undefined>;

  /** Whether processes on other machines may use the same rows: then whatever they are to see has to be in a row. */
  abstract readonly isShared: boolean;

  /** Waits for the writes that are under way or waiting for their turn. Nothing is written afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#commits.idle();
    await this.closeReaders();
    await this.database.destroy();
    if (this.#writer !== this.database) await this.#writer.destroy();
  }

  /** See {@link snapshot}. */
  protected abstract readSnapshot<T>(
    work: (database: Database) => Promise<T>,
    thread: ReadingThread | undefined,
  ): Promise<T>;

  #closedError(): StoreError {
    return new StoreError('store_unavailable', `the store ${this.name} is closed`);
  }

  /** Closes the readers of snapshots, before the rest: the last connection to close brings SQLite's log into the file, which a read-only one cannot do. */
  protected closeReaders(): Promise<void> {
    return Promise.resolve();
  }
}

/** Runs `work` on one connection of `database`, in a transaction that `begin` begins and that reads the same rows again and again. */
export function withSnapshot<T>(
  database: Kysely<Schema>,
  begin: string,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  return database.connection().execute(async (connection) => {
    await sql.raw(begin).execute(connection);
    try {
      // What is seen is decided by the first statement that reads.
      await sql`select name from migration limit 1`.execute(connection);
      return await work(connection);
    } finally {
      // Why the work failed is of more use than that the connection is gone, which ends the transaction as well.
      await sql`rollback`.execute(connection).catch(() => undefined);
    }
  });
}
