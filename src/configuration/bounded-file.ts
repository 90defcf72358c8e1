import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * The text of a file of at most `limit` octets; of one that `isSecret`, group and others may do nothing with it. Throws an `Error` with the system's `code`
 * (ENOENT, …), EFBIG over the limit, or EXPOSED.
 */
export function readBoundedFile(file: string, limit: number, { isSecret = false } = {}): string {
  const descriptor = openSync(file, 'r');
  try {
    if (isSecret && (fstatSync(descriptor).mode & 0o077) !== 0)
      throw Object.assign(new Error('open to others'), { code: 'EXPOSED' });
    const octets = Buffer.alloc(limit + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length <= limit; length += read) {
      read = readSync(descriptor, octets, length, limit + 1 - length, null);
    }
    if (length > limit) throw Object.assign(new Error(`more than ${limit} octets`), { code: 'EFBIG' });
    return octets.toString('utf8', 0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** Why a file could not be read, in words that name no content. */
export function reasonOf(error: unknown): string {
  const code = systemCodeOf(error);
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'it does not exist',
    EACCES: 'reading it is not permitted',
    EISDIR: 'it is a folder',
    EFBIG: 'it is too large',
    EXPOSED: 'it is open to others than its owner: chmod 600',
  };
  return reasons[code] ?? code;
}

/** The `code` of an error of the system, such as ENOENT; `unknown` for what has none. */
export function systemCodeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
}
