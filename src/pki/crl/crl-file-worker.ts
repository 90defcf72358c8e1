import { createHash, randomInt } from 'node:crypto';
import { readSync, write, writeSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { promisify } from 'node:util';
import { parentPort } from 'node:worker_threads';
import { DecodeError } from '../../der/decode-error.js';
import { CrlEntriesLint } from '../../x509/lint/crl-entries-lint.js';
import { lintFindingToString } from '../../x509/lint/lint-rule.js';
import type { CrlFileAnswer, CrlFileData, CrlFileRequest } from './crl-file-protocol.js';

/*
 * The thread that checks the entries of a list that is too large for memory, writes them to its file, and takes the digest of the whole: nobody waits for it
 * but the list. It imports the few files that it needs: a room's index would bring all of the room, and take longer than a list.
 */

const PIECE = 512 * 1024;
const writeAside = promisify(write);

/** The file of one list. */
class Entries {
  readonly #file: number;
  readonly #lint: CrlEntriesLint;
  #start: number;
  #end: number;
  /** Of the entries before. */
  #written: Promise<void> = Promise.resolve();

  constructor({ file, room, isDelta, thisUpdate }: CrlFileData) {
    this.#file = file;
    this.#lint = new CrlEntriesLint({
      isDelta,
      thisUpdate,
      key: [randomInt(0x1_0000_0000), randomInt(0x1_0000_0000)],
    });
    [this.#start, this.#end] = [room, room];
  }

  /** They are written while the next ones are checked. */
  async append(octets: Uint8Array): Promise<CrlFileAnswer> {
    const finding = this.#lint.check(octets);
    if (finding) return { finding: lintFindingToString(finding) };
    await this.#written;
    this.#written = this.#write(octets, this.#end);
    this.#written.catch(() => undefined);
    this.#end += octets.length;
    return {};
  }

  async unique(): Promise<CrlFileAnswer> {
    await this.#written;
    for (const finding of this.#lint.checkUnique()) if (finding) return { finding: lintFindingToString(finding) };
    return {};
  }

  /** From the end that nothing is written over that is still to be read. */
  move(to: number): void {
    const [by, length, piece] = [to - this.#start, this.#end - this.#start, Buffer.allocUnsafe(PIECE)];
    for (let done = 0; done < length; done += PIECE) {
      const size = Math.min(PIECE, length - done);
      const at = by < 0 ? this.#start + done : this.#end - done - size;
      const octets = this.#read(piece.subarray(0, size), at);
      for (let done = 0; done < octets.length;)
        done += writeSync(this.#file, octets, done, octets.length - done, at + by + done);
    }
    [this.#start, this.#end] = [to, this.#end + by];
  }

  digest(): string {
    const [hash, piece] = [createHash('sha256'), Buffer.allocUnsafe(PIECE)];
    let at = 0;
    for (let octets = this.#read(piece, at); octets.length > 0; octets = this.#read(piece, at)) {
      hash.update(octets);
      at += octets.length;
    }
    return hash.digest('hex');
  }

  /** Nothing is written afterwards. */
  async end(): Promise<void> {
    await this.#written.catch(() => undefined);
  }

  async #write(octets: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < octets.length;)
      done += (await writeAside(this.#file, octets, done, octets.length - done, at + done)).bytesWritten;
    // At once, and not when memory is looked through: a list would have all of itself in memory until then.
    if (octets.buffer instanceof ArrayBuffer) octets.buffer.transfer(0);
  }

  #read(piece: Buffer, at: number): Buffer {
    let length = 0;
    for (let more = -1; more !== 0 && length < piece.length; length += more)
      more = readSync(this.#file, piece, length, piece.length - length, at + length);
    return piece.subarray(0, length);
  }
}

let entries: Entries | undefined;

async function answer(request: Exclude<CrlFileRequest, { readonly kind: 'begin' }>): Promise<CrlFileAnswer> {
  if (!entries) throw new Error('the thread has no file');
  switch (request.kind) {
    case 'entries':
      return entries.append(request.octets);
    case 'unique':
      return entries.unique();
    case 'move':
      entries.move(request.room);
      return {};
    case 'digest':
      return { sha256: entries.digest() };
    case 'end':
      await entries.end();
      entries = undefined;
      return {};
  }
}

function failureOf(error: unknown): CrlFileAnswer {
  if (error instanceof DecodeError) return { finding: error.message };
  if (typeof error === 'object' && error !== null && 'syscall' in error && 'code' in error)
    return { failure: { code: String(error.code) } };
  throw error;
}

try {
  // Linux knows priorities of threads: this one gives way to requests. Elsewhere it would be the process's.
  if (process.platform === 'linux') setPriority(Math.min(getPriority() + 15, 19));
} catch {
  // Where it is not allowed the list takes its share.
}

let before: Promise<unknown> = Promise.resolve();
parentPort?.on('message', (request: CrlFileRequest) => {
  if (request.kind === 'begin') {
    // Whoever had the thread before was answered.
    entries = new Entries(request);
    return;
  }
  before = before
    .then(() => answer(request))
    .catch(failureOf)
    .then((answered) => parentPort?.postMessage(answered));
});
