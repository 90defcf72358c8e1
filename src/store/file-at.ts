import { statSync } from 'node:fs';

/** Device and inode of a SQLite file and of its write-ahead log, which is there while the file is open; nothing where there is no file, as in memory. */
export const fileAt = (path: string): string => `${placeOf(path)} ${placeOf(`${path}-wal`)}`;

function placeOf(path: string): string {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  return there ? `${there.dev}:${there.ino}` : '';
}
