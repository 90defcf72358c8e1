import { statSync } from 'node:fs';

/** Device and inode; nothing where there is no file, as in memory. */
export function fileAt(path: string): string {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  return there ? `${there.dev}:${there.ino}` : '';
}

/** As {@link fileAt}, of the write-ahead log of a SQLite file, which is there while a file that has been read is open. */
export const logAt = (path: string): string => fileAt(`${path}-wal`);
