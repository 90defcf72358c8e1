import { StoreError } from './store-error.js';

// Primary result codes: https://sqlite.org/rescode.html
/** Another connection writes. */
export const SQLITE_BUSY = 5;
const SQLITE_ERROR = 1;
const SQLITE_READONLY = 8;
const SQLITE_CORRUPT = 11;
const SQLITE_CANTOPEN = 14;
const SQLITE_TOOBIG = 18;
const SQLITE_CONSTRAINT = 19;
const SQLITE_MISMATCH = 20;
const SQLITE_NOTADB = 26;
/** What the first statement fails with where no file can be made beside the database. */
export const CANNOT_WRITE: readonly (number | undefined)[] = [SQLITE_READONLY, SQLITE_CANTOPEN];
/** What a statement was refused with, the file being sound. */
const REFUSALS: readonly (number | undefined)[] = [SQLITE_ERROR, SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH];

/** SQLite's primary result code, when `error` is one of its errors. */
export function resultCodeOf(error: unknown): number | undefined {
  const code = typeof error === 'object' && error !== null && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : undefined;
}

/** What the file or the disk failed with, as a {@link StoreError} that names the file. What a statement was refused with stays as it is. */
export function sqliteError(error: unknown, path: string): unknown {
  const code = resultCodeOf(error);
  if (error instanceof StoreError || REFUSALS.includes(code)) return error;
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) return corruptError(path, error);
  const reason = messageOf(error);
  const mend =
    code === SQLITE_BUSY ? '' : ' (look at its folder, its permissions and the space on the disk; store.path names it)';
  return new StoreError('store_unavailable', `the store ${path} cannot be used: ${reason}${mend}`, { cause: error });
}

/** Tells errors of a file apart, and remembers the first that says that the file is damaged. */
export class SqliteFailures {
  #damage: StoreError | undefined;

  constructor(readonly path: string) {}

  /** Undefined while nobody has come upon a damaged page. */
  get damage(): StoreError | undefined {
    return this.#damage;
  }

  /** As {@link sqliteError}, of an error that may be none of SQLite's, and is not changed then. */
  of(error: unknown): unknown {
    const failure = resultCodeOf(error) === undefined ? error : sqliteError(error, this.path);
    if (failure instanceof StoreError && failure.code === 'store_corrupt') this.#damage ??= failure;
    return failure;
  }

  /** Runs `work`, which may come upon a damaged page at any time. Throws what it throws by {@link of}. */
  in<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.of(error);
    }
  }
}

export const corruptError = (path: string, cause: unknown): StoreError =>
  new StoreError('store_corrupt', `the store ${path} is not a sound database: restore a backup`, { cause });

/** What is open is not what is at its place any more. */
export const movedError = (path: string): StoreError =>
  new StoreError(
    'store_unavailable',
    `the store ${path} cannot be used: it was moved away or replaced while it was open, start again`,
  );

/** Of an error, whatever made it. */
const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
