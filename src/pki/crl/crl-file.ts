import { randomBytes, type KeyObject } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hash, SigningScheme } from '../../x509/index.js';
import { unwritable } from '../publication/atomic-file.js';
import { createPublicFile, writePublicFile } from '../publication/public-file.js';
import type { EntryPiece } from './crl-entries.js';
import type { AroundEntries, CrlFileAnswer, CrlFileData, CrlFileRequest } from './crl-file-protocol.js';
import { CrlFileThread } from './crl-file-thread.js';
import { entryRefusal } from './entry-refusal.js';

const PIECE = 256 * 1024;

/**
 * The file of a list that is too large for memory. A thread checks the entries, writes them and signs them; what stands around them is written when the list
 * is signed. Disposing of it removes the file, unless it was renamed.
 */
export class CrlFile {
  /** Undefined when it has no name, so that it cannot be served. */
  readonly path: string | undefined;
  readonly #handle: FileHandle;
  readonly #thread: CrlFileThread;
  readonly #isOwn: boolean;
  #room: number;
  #length = 0;
  #isDisposed = false;
  #appended: Promise<unknown> = Promise.resolve();

  private constructor(
    path: string | undefined,
    handle: FileHandle,
    room: number,
    thread: CrlFileThread,
    isOwn: boolean,
  ) {
    this.path = path;
    this.#handle = handle;
    this.#room = room;
    this.#thread = thread;
    this.#isOwn = isOwn;
  }

  /**
   * Makes the file at `path`; when that is undefined, a file without a name in the folder of temporary files. `room`: the expected number of octets before
   * the entries. `thread` stays the caller's to release; without one the file starts its own. Throws PkiError `file_unwritable`.
   */
  static async open(
    path: string | undefined,
    data: Omit<CrlFileData, 'file'>,
    thread?: CrlFileThread,
  ): Promise<CrlFile> {
    const name = path ?? join(tmpdir(), `.crl-entries.${randomBytes(6).toString('hex')}.tmp`);
    const handle = await writing(name, path === undefined ? open(name, 'wx+', 0o600) : createPublicFile(name));
    if (path === undefined) await rm(name);
    let own: CrlFileThread | undefined;
    try {
      const used = thread ?? (own = new CrlFileThread());
      await used.ask({ kind: 'begin', ...data, file: handle.fd });
      return new CrlFile(path, handle, data.room, used, own !== undefined);
    } catch (error) {
      // No more threads can be started.
      await own?.release();
      await handle.close();
      await rm(name, { force: true });
      throw error;
    }
  }

  /** The length of the entries in octets, once {@link checkUnique} has returned. */
  get length(): number {
    return this.#length;
  }

  /**
   * Checks and adds whole entries: octets, which the caller must not use afterwards, or statements that the thread reads entries with. Returns when the
   * piece of the previous call has been added. Throws PkiError `lint_failed`, `clock_behind` and `file_unwritable`, and what the store throws.
   */
  async append(piece: EntryPiece): Promise<void> {
    const before = this.#appended;
    this.#appended = this.#append(piece);
    this.#appended.catch(() => undefined);
    await before;
  }

  async #append(piece: EntryPiece): Promise<void> {
    const { length = 0 } =
      piece instanceof Uint8Array
        ? await this.#ask({ kind: 'entries', octets: piece }, handedOver(piece))
        : await this.#ask({ kind: 'pages', statements: piece });
    this.#length = length;
  }

  /** To be called when all entries were appended. Throws PkiError `lint_failed` when a serial number stands twice. */
  async checkUnique(): Promise<void> {
    await this.#appended;
    await this.#ask({ kind: 'unique' });
  }

  /** The entries, in pieces, as often as wanted. A piece is good until the next one is asked for. */
  async *read(): AsyncGenerator<Uint8Array> {
    const room = [Buffer.allocUnsafeSlow(PIECE), Buffer.allocUnsafeSlow(PIECE)] as const;
    const pieceAt = (at: number, piece: Buffer) =>
      this.#handle.read(piece, 0, Math.min(PIECE, this.#length - at), this.#room + at);
    let next = pieceAt(0, room[0]);
    for (let at = 0, turn = 1; at < this.#length; turn ^= 1) {
      const { bytesRead, buffer } = await next;
      if (bytesRead === 0) throw new Error('the file of the revocation list was cut off');
      at += bytesRead;
      // The next piece is read while the caller works on this one.
      next = pieceAt(at, room[turn === 1 ? 1 : 0]);
      next.catch(() => undefined);
      yield buffer.subarray(0, bytesRead);
    }
    await next;
  }

  /** The digest of the entries with what stands around them. */
  digest(hash: Hash, { before, after }: AroundEntries): Promise<Uint8Array> {
    return this.#octets({ kind: 'digest', hash, before, after });
  }

  /** As {@link digest}, the signature: the thread is given the key for as long as that takes. */
  sign(scheme: SigningScheme, key: KeyObject, { before, after }: AroundEntries): Promise<Uint8Array> {
    return this.#octets({ kind: 'sign', scheme, key, before, after });
  }

  /** Completes the list in the file, flushes it, and returns its SHA-256 in lower-case hexadecimal. Throws PkiError `file_unwritable`. */
  async complete({ before, after }: AroundEntries): Promise<string> {
    if (before.length !== this.#room) {
      await this.#ask({ kind: 'move', room: before.length });
      this.#room = before.length;
    }
    const name = this.path ?? '';
    await writing(name, this.#handle.truncate(before.length + this.#length));
    await writing(name, this.#write(before, 0));
    await writing(name, this.#write(after, before.length + this.#length));
    // The thread has a low priority. A flush in libuv's pool would take the core from requests for milliseconds.
    await this.#ask({ kind: 'flush' });
    return Buffer.from(await this.digest('sha256', { before, after })).toString('hex');
  }

  /** Writes the whole file again under its name, which somebody removed. Throws what the file system throws. */
  async nameAgain(): Promise<void> {
    await writePublicFile(this.path ?? '', this.#handle.createReadStream({ start: 0, autoClose: false }));
  }

  /** Nothing is read afterwards. Never rejects: why there is no list is of more use, and a file that stays is removed like any that was left behind. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    // The thread must be done first: once the file is closed, its descriptor may be that of another file.
    await (this.#isOwn ? this.#thread.release() : this.#thread.ask({ kind: 'end' }).catch(() => undefined));
    await this.#handle.close().catch(() => undefined);
    if (this.path !== undefined) await rm(this.path, { force: true }).catch(() => undefined);
  }

  /** Writes all octets: a disk that is about to be full takes a part of them, and reports it only at the next write. */
  async #write(octets: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < octets.length;)
      done += (await this.#handle.write(octets, done, octets.length - done, at + done)).bytesWritten;
  }

  async #octets(request: CrlFileRequest): Promise<Uint8Array> {
    const { octets } = await this.#ask(request);
    if (!octets) throw new Error('the thread of the revocation list answered something else');
    return octets;
  }

  async #ask(request: CrlFileRequest, moved: readonly ArrayBuffer[] = []): Promise<CrlFileAnswer> {
    // The thread may be working on another file by now.
    if (this.#isDisposed) throw new Error('the file of the revocation list was disposed of');
    const answer = await this.#thread.ask(request, moved);
    if (answer.failure) throw unwritable(this.path ?? tmpdir(), answer.failure);
    if (answer.finding !== undefined) throw entryRefusal(answer.finding);
    return answer;
  }
}

/** The buffer of octets that fill all of it, so that it can be transferred. */
function handedOver({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && byteLength === buffer.byteLength ? [buffer] : [];
}

async function writing<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw unwritable(path, error);
  }
}
