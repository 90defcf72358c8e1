import { createHash } from 'node:crypto';
import { close, fstatSync, openSync, read } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';

const PIECE = 256 * 1024;
/** Of each client who is slow to take it, one or two are in memory. */
const SENT = 64 * 1024;
const GRACE = 1_000;
const readAt = promisify(read);

/** Octets that are served to many at a time. */
export interface PublishedOctets {
  readonly length: number;
  /** The octets `[start, end)`, in pieces. */
  readonly read: (start?: number, end?: number) => AsyncGenerator<Uint8Array>;
  /** Their SHA-256, lower-case hexadecimal. */
  readonly sha256: () => Promise<string>;
  /** Nobody begins to read any more; what is being read is read to its end. */
  readonly retire: () => void;
}

/** Octets in memory. */
export function octetsInMemory(octets: Uint8Array): PublishedOctets {
  return {
    length: octets.length,
    async *read(start = 0, end = octets.length) {
      yield await Promise.resolve(octets.subarray(start, end));
    },
    async sha256() {
      const digest = createHash('sha256');
      for (let at = 0; at < octets.length; at += PIECE) {
        digest.update(octets.subarray(at, at + PIECE));
        await setImmediate();
      }
      return digest.digest('hex');
    },
    retire: () => undefined,
  };
}

/**
 * The octets of a file as it is now: whatever takes its name later, these are served. `closeFile` closes the descriptor when nobody reads them any more.
 * Throws what the file system throws.
 */
export function octetsOfFile(path: string, closeFile: (file: number) => void = close): PublishedOctets {
  const file = openSync(path, 'r');
  const length = fstatSync(file).size;
  let readers = 0;
  let isRetired = false;
  let isClosed = false;
  const closeWhenUnused = (): void => {
    if (!isRetired || readers > 0 || isClosed) return;
    // Once: the number may be another file's by then.
    isClosed = true;
    closeFile(file);
  };
  /** `room`: for a piece, which is good until the next one is asked for; one of its own each when absent. */
  async function* pieces(start: number, end: number, room?: Buffer): AsyncGenerator<Uint8Array> {
    if (isRetired) throw new Error('these octets are served no more');
    readers++;
    try {
      for (let at = start; at < end;) {
        const piece = room ?? Buffer.allocUnsafeSlow(Math.min(SENT, end - at));
        const { bytesRead } = await readAt(file, piece, 0, Math.min(piece.length, end - at), at);
        if (bytesRead === 0) throw new Error('the published file was cut off');
        yield piece.subarray(0, bytesRead);
        at += bytesRead;
      }
    } finally {
      readers--;
      closeWhenUnused();
    }
  }
  return {
    length,
    read: (start = 0, end = length) => pieces(start, end),
    async sha256() {
      const digest = createHash('sha256');
      for await (const piece of pieces(0, length, Buffer.allocUnsafeSlow(PIECE))) digest.update(piece);
      return digest.digest('hex');
    },
    retire: () => {
      // Somebody may have asked for it a moment ago, and begin to read in the next.
      setTimeout(() => {
        isRetired = true;
        closeWhenUnused();
      }, GRACE).unref();
    },
  };
}
