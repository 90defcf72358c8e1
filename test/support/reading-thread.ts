import type { ReadingThread } from '../../src/store/index.js';
import { SqliteReader } from '../../src/store/sqlite-reader.js';

/** What a thread of the product's does with the rows of a snapshot, in this one. */
export function readingThread(): ReadingThread {
  let reader: SqliteReader | undefined;
  return {
    open: (path) => {
      reader = new SqliteReader(path);
      return Promise.resolve();
    },
    rows: (sql, parameters) => Promise.resolve().then(() => reader?.rows(sql, parameters) ?? []),
    close: () => {
      reader?.close();
      return Promise.resolve();
    },
  };
}
