import { randomBytes } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is kept in memory. Smaller lists never see a file. */
export const IN_MEMORY = 1024 * 1024;
const PIECE = 256 * 1024;

/** Octets that are put aside, to be read when all are there: in memory while they are few, then in a file that has no name and is gone with the process. */
export class OctetSpool {
  readonly #folder: string;
  #length = 0;
  #pieces: Uint8Array[] = [];
  #held = 0;
  #file: FileHandle | undefined;

  /** `folder`: where the file is made when there is need of one. */
  constructor(folder: string = tmpdir()) {
    this.#folder = folder;
  }

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Puts octets behind those that are there. They are not copied. Throws what the file system throws. */
  async append(octets: Uint8Array): Promise<void> {
    this.#pieces.push(octets);
    this.#held += octets.length;
    this.#length += octets.length;
    if (this.#length > IN_MEMORY && this.#held >= PIECE) await this.#flush();
  }

  /** From the first to the last, in pieces, as often as wanted. */
  async *read(): AsyncGenerator<Uint8Array> {
    if (!this.#file) {
      yield* this.#pieces;
      return;
    }
    await this.#flush();
    for (let at = 0; at < this.#length;) {
      const piece = Buffer.allocUnsafeSlow(Math.min(PIECE, this.#length - at));
      const { bytesRead } = await this.#file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) throw new Error('the file of the revocation list was cut off');
      yield piece.subarray(0, bytesRead);
      at += bytesRead;
    }
  }

  /** Nothing is read afterwards. */
  async dispose(): Promise<void> {
    this.#pieces = [];
    await this.#file?.close();
    this.#file = undefined;
  }

  async #flush(): Promise<void> {
    if (this.#held === 0) return;
    this.#file ??= await this.#open();
    const octets = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#held = 0;
    await this.#file.writeFile(octets);
  }

  async #open(): Promise<FileHandle> {
    const path = join(this.#folder, `.crl-entries.${randomBytes(6).toString('hex')}.tmp`);
    const file = await open(path, 'wx+', 0o600);
    await rm(path);
    return file;
  }
}
