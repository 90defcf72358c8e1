import type { TogetherStatement } from './together.js';

/** To the thread that writes. */
export interface ThreadRequest {
  /** Given back with the answer. */
  readonly id: number;
  /**
   * `begin` starts a transaction that may write, or fails at once when another connection has one; `together` runs `steps`, all or none; `commit` does so from
   * a beginning, which may fail as `begin`, to their commit; `checkpoint` brings into the file what is in the log, as far as no reader is in the way.
   */
  readonly kind: 'begin' | 'statement' | 'together' | 'commit' | 'checkpoint' | 'close';
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly steps?: readonly TogetherStatement[];
  /** Statements to run before, which give nothing. */
  readonly before: readonly string[];
}

/** What SQLite failed with. */
export interface ThreadFailure {
  readonly message: string;
  /** SQLite's extended result code. */
  readonly errcode: number | undefined;
  /** Nothing was begun, see {@link WriterTerms}: the file is another one, or has seen the migration that `message` names. */
  readonly refusal: 'moved' | 'newer' | undefined;
}

/** What must hold for a transaction that writes, checked each time that one begins. */
export interface WriterTerms {
  /** Device and inode of the file: what is written to one that was moved away, nobody finds again. */
  readonly file: string;
  /** The same of its log; absent: there may be none yet. */
  readonly log?: string | undefined;
  /** The last migration that the program knows, and what gives the last that the store has seen; absent: there may be none yet. */
  readonly schema?: { readonly last: string; readonly query: string } | undefined;
}

/** How the write-ahead log stands: the pages in it, and how many of them are in the file. */
export interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * An answer of the thread: rows (for a checkpoint, a {@link LogState}), or how many rows were changed (for steps, the number of steps, or 0 when one affected
 * an unexpected number of rows), or the failure.
 */
export interface ThreadResponse {
  readonly id: number;
  readonly rows: readonly unknown[];
  readonly changes: number | bigint | undefined;
  /** After a commit. */
  readonly logState?: LogState | undefined;
  readonly failure: ThreadFailure | undefined;
}

/** What the thread is started with. */
export interface ThreadData {
  readonly path: string;
  /** How long a statement waits, with the thread, for another connection that opens or closes the log, in milliseconds. */
  readonly statementTimeout: number;
  /** Of a thread that begins transactions. */
  readonly terms?: WriterTerms | undefined;
}
