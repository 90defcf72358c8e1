import { statSync } from 'node:fs';

/** Device and inode; nothing where there is no file, as in memory. */
export function fileAt(path: string): string {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  return there ? `${there.dev}:${there.ino}` : '';
}
