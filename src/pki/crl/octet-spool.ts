import { randomBytes } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is kept in memory. Smaller lists never see a file. */
export const IN_MEMORY = 1024 * 1024;
const PIECE = 512 * 1024;

/** Octets that are put aside, to be read when all are there: in memory while they are few, then in a file that has no name and is gone with the process. */
export class OctetSpool {
  readonly #folder: string;
  #length = 0;
  /** What is in memory: everything, or what is not in the file yet. */
  #held: Buffer = Buffer.alloc(0);
  #heldLength = 0;
  /** What is being written to the file. */
  #other: Buffer = Buffer.alloc(0);
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;

  /** `folder`: where the file is made when there is need of one. */
  constructor(folder: string = tmpdir()) {
    this.#folder = folder;
  }

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Puts a copy of octets behind those that are there. Throws what the file system throws. */
  async append(octets: Uint8Array): Promise<void> {
    if (this.#length + octets.length > IN_MEMORY && this.#heldLength >= PIECE) await this.#flush();
    this.#reserve(this.#heldLength + octets.length);
    this.#held.set(octets, this.#heldLength);
    this.#heldLength += octets.length;
    this.#length += octets.length;
  }

  /** From the first to the last, in pieces, as often as wanted. A piece is good until the next one is asked for. */
  async *read(): AsyncGenerator<Uint8Array> {
    if (this.#file) {
      await this.#flush();
      await this.#writing;
      const piece = Buffer.allocUnsafeSlow(PIECE);
      for (let at = 0; at < this.#length;) {
        const { bytesRead } = await this.#file.read(piece, 0, piece.length, at);
        if (bytesRead === 0) throw new Error('the file of the revocation list was cut off');
        yield piece.subarray(0, bytesRead);
        at += bytesRead;
      }
    } else if (this.#heldLength > 0) yield this.#held.subarray(0, this.#heldLength);
  }

  /** Nothing is read afterwards. */
  async dispose(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    [this.#held, this.#other] = [Buffer.alloc(0), Buffer.alloc(0)];
    await this.#file?.close();
    this.#file = undefined;
  }

  #reserve(length: number): void {
    if (length <= this.#held.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(length, this.#held.length * 2));
    this.#held.copy(larger, 0, 0, this.#heldLength);
    this.#held = larger;
  }

  /** Begins to write what is in memory, and has another piece of memory filled meanwhile. */
  async #flush(): Promise<void> {
    const file = (this.#file ??= await this.#open());
    await this.#writing;
    [this.#held, this.#other] = [this.#other, this.#held];
    this.#writing = file.writeFile(this.#other.subarray(0, this.#heldLength));
    // It fails for who waits for it.
    this.#writing.catch(() => undefined);
    this.#heldLength = 0;
  }

  async #open(): Promise<FileHandle> {
    const path = join(this.#folder, `.crl-entries.${randomBytes(6).toString('hex')}.tmp`);
    const file = await open(path, 'wx+', 0o600);
    await rm(path);
    return file;
  }
}
