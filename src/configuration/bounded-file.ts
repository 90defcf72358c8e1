import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

// The octets of a byte order mark stay: YAML and the trimming of secrets know it.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the text of a file that has at most `limit` octets. With `isSecret`, only its owner may have any rights to it. Throws an `Error` whose `code` is
 * that of the system (ENOENT, …), EFBIG for a file over the limit, EXPOSED for a secret that others have rights to, or
 * ERR_ENCODING_INVALID_ENCODED_DATA for octets that are not UTF-8.
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
    return UTF8.decode(octets.subarray(0, length));
  } finally {
    closeSync(descriptor);
  }
}

/** Says why a file could not be read. The words contain nothing of what is in the file. */
export function reasonOf(error: unknown): string {
  const code = systemCodeOf(error);
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'it does not exist',
    EACCES: 'reading it is not permitted',
    EISDIR: 'it is a folder',
    EFBIG: 'it is too large',
    ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8',
    EXPOSED: 'it is open to others than its owner: chmod 600',
  };
  return reasons[code] ?? code;
}

/** The `code` of a system error, such as ENOENT; `unknown` for an error without one. */
export function systemCodeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
}
