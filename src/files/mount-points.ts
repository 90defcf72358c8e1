import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Whether something is mounted at a path itself, as a single file in a container is: nothing can take its place. False where the system has no
 * `/proc/self/mountinfo`. Throws what the file system says when the folder of `path` cannot be looked up.
 */
export function isMountPoint(path: string): boolean {
  const place = join(realpathSync(dirname(path)), basename(path));
  return mountPointsIn(mountInfo()).includes(place);
}

/** The mount points in the words of `/proc/self/mountinfo`: the fifth field, where blanks and backslashes are three octal digits (proc_pid_mountinfo(5)). */
export function mountPointsIn(table: string): string[] {
  return table
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((field) =>
      field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    );
}

function mountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}
