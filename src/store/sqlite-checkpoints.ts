import { fdatasync, open } from 'node:fs';
import { promisify } from 'node:util';
import { STATEMENT_TIMEOUT } from './sqlite-dialect.js';
import type { LogState } from './sqlite-protocol.js';
import { SqliteThread } from './sqlite-thread.js';

/** 16 MiB: pages that change with every commit, those of the indexes, go to the file once. */
const MOST_PAGES = 4096;
/** So few are left to the writer. */
const FEW_PAGES = 128;
/** What arrives during one pass is for the next, which is the shorter. */
const MOST_PASSES = 4;
/** Where a reader, or the disk, is in the way. */
const PAUSE_MS = 1000;

const flush: (file: number) => Promise<void> = promisify(fdatasync);
const openFile: (path: string, flags: string) => Promise<number> = promisify(open);

/**
 * Brings SQLite's write-ahead log into the file, in another thread than the one that writes, so that no commit waits for it. The last few pages are left to
 * the writer, so that its next transaction finds the whole log in the file and starts the log again from the beginning. A reader that still uses the log
 * delays that, and the log grows until it ends.
 */
export class SqliteCheckpoints {
  readonly #path: string;
  #thread: SqliteThread | undefined;
  /**
   * It is never closed: closing any descriptor of the file releases all locks that SQLite holds on it (sqlite.org/howtocorrupt.html §2.2).
   */
  #file: number | undefined;
  #running: Promise<void> | undefined;
  /** What is left is for the writer. */
  #isForWriter = false;
  #pausedUntil = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** To be called after each commit of `writer`, before its next transaction. */
  committed({ log, checkpointed }: LogState, writer: SqliteThread): void {
    if (this.#running || performance.now() < this.#pausedUntil) return;
    if (this.#isForWriter) {
      this.#isForWriter = false;
      // Else it has begun anew already: nobody wrote meanwhile.
      if (checkpointed > 0) this.#begin(() => writer.checkpoint());
    } else if (log - checkpointed >= MOST_PAGES) {
      this.#begin(() => this.#run());
    }
  }

  /**
   * Never rejects: what cannot be brought into the file stays in the log, which is read as well, and a full disk is reported to whoever writes. The writer
   * tries next, because it needs no further thread or descriptor; otherwise the log might never start again.
   */
  #begin(work: () => Promise<unknown>): void {
    this.#running = work()
      .catch(() => {
        this.#pausedUntil = performance.now() + PAUSE_MS;
        this.#isForWriter = true;
      })
      .then(() => {
        this.#running = undefined;
      });
  }

  async #run(): Promise<void> {
    if (this.#thread === undefined || this.#thread.isDead)
      this.#thread = new SqliteThread(this.#path, { statementTimeout: STATEMENT_TIMEOUT });
    let left = Infinity;
    for (let pass = 0; pass < MOST_PASSES && left >= FEW_PAGES; pass++) {
      const { log, checkpointed } = await this.#thread.checkpoint();
      left = log - checkpointed;
      // SQLite flushes the file only when all of the log is in it, which will be the writer's turn: so that little is left to flush then.
      await flush((this.#file ??= await openFile(this.#path, 'r')));
    }
    if (left < MOST_PAGES) this.#isForWriter = true;
    else this.#pausedUntil = performance.now() + PAUSE_MS;
  }

  /** Waits for what is under way; nothing may be committed afterwards. */
  async close(): Promise<void> {
    await this.#running;
    await this.#thread?.close();
  }
}
