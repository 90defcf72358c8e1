import { createHash, createSign, randomInt, sign, type KeyObject } from 'node:crypto';
import { closeSync, fdatasyncSync, readSync, writeSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { DecodeError } from '../../der/decode-error.js';
import { entriesOf, type RevocationPage } from '../../store/revocation-page.js';
import { SqliteReader } from '../../store/sqlite-reader.js';
import { StoreError } from '../../store/store-error.js';
import { CrlEntriesLint } from '../../x509/lint/crl-entries-lint.js';
import { lintFindingToString, type LintFinding } from '../../x509/lint/lint-rule.js';
import type { PageStatement } from './crl-entries.js';
import type { Hash, SigningScheme } from '../../x509/signature.js';
import {
  OCTETS_AN_ENTRY,
  type AroundEntries,
  type CrlFileAnswer,
  type CrlFileData,
  type CrlFileRequest,
} from './crl-file-protocol.js';

/*
 * The thread of a list that is too large for memory: it reads the entries, checks them, writes them to a file and signs them. It imports
 * single files and no room's index, because loading a whole room would take longer than a list.
 */

const PIECE = 128 * 1024;

/** An entry breaks a rule. */
class Finding extends Error {
  constructor(finding: LintFinding) {
    super(lintFindingToString(finding));
  }
}

/** The file of one list. */
class Entries {
  /** The lint of the previous list. Its memory is reused, because collecting it after each list would take the core from requests. */
  static #before: CrlEntriesLint | undefined;
  readonly #file: number;
  readonly #lint: CrlEntriesLint;
  #start: number;
  #end: number;
  /** How many octets were appended at a time: whole entries. */
  readonly #lengths: number[] = [];

  constructor({ file, room, expected, isDelta, thisUpdate }: CrlFileData) {
    this.#file = file;
    this.#lint = new CrlEntriesLint({
      isDelta,
      thisUpdate,
      key: [randomInt(0x1_0000_0000), randomInt(0x1_0000_0000)],
      expected: expected / OCTETS_AN_ENTRY,
      before: Entries.#before,
    });
    Entries.#before = this.#lint;
    [this.#start, this.#end] = [room, room];
  }

  /** In octets. */
  get length(): number {
    return this.#end - this.#start;
  }

  append(octets: Uint8Array): void {
    const finding = this.#lint.check(octets);
    if (finding) throw new Finding(finding);
    this.#write(octets, this.#end);
    this.#end += octets.length;
    this.#lengths.push(octets.length);
    // Freed at once: otherwise all pages of a list would stay in memory until the next garbage collection.
    if (octets.buffer instanceof ArrayBuffer) octets.buffer.transfer(0);
  }

  unique(): void {
    for (const finding of this.#lint.checkUnique(() => this.#again())) if (finding) throw new Finding(finding);
  }

  /** The pieces as they were appended. Each is valid until the next one is asked for. */
  *#again(): Generator<Uint8Array> {
    const piece = Buffer.allocUnsafeSlow(this.#lengths.reduce((most, length) => Math.max(most, length), 0));
    let at = this.#start;
    for (const length of this.#lengths) {
      yield this.#read(piece.subarray(0, length), at);
      at += length;
    }
  }

  /** From the end that nothing is written over that is still to be read. */
  move(to: number): void {
    const [by, length, piece] = [to - this.#start, this.#end - this.#start, Buffer.allocUnsafe(PIECE)];
    for (let done = 0; done < length; done += PIECE) {
      const size = Math.min(PIECE, length - done);
      const at = by < 0 ? this.#start + done : this.#end - done - size;
      this.#write(this.#read(piece.subarray(0, size), at), at + by);
    }
    [this.#start, this.#end] = [to, this.#end + by];
  }

  flush(): void {
    fdatasyncSync(this.#file);
  }

  digest(hash: Hash, around: AroundEntries): Uint8Array {
    const digest = createHash(hash);
    this.#each(around, (octets) => digest.update(octets));
    return digest.digest();
  }

  sign({ digest, options }: SigningScheme, key: KeyObject, around: AroundEntries): Uint8Array {
    // Ed25519 hashes its data twice (RFC 8032 §5.1.6), and needs all of it.
    if (digest === null) return sign(null, this.#whole(around), key);
    const signature = createSign(digest);
    this.#each(around, (octets) => signature.update(octets));
    return signature.sign(options ? { key, ...options } : key);
  }

  #whole({ before, after }: AroundEntries): Buffer {
    const whole = Buffer.allocUnsafe(before.length + this.length + after.length);
    whole.set(before);
    this.#read(whole.subarray(before.length, before.length + this.length), this.#start);
    whole.set(after, before.length + this.length);
    return whole;
  }

  #each({ before, after }: AroundEntries, take: (octets: Uint8Array) => void): void {
    take(before);
    const piece = Buffer.allocUnsafe(Math.min(PIECE, this.length));
    for (let at = this.#start; at < this.#end; at += piece.length)
      take(this.#read(piece.subarray(0, this.#end - at), at));
    take(after);
  }

  #write(octets: Uint8Array, at: number): void {
    for (let done = 0; done < octets.length;)
      done += writeSync(this.#file, octets, done, octets.length - done, at + done);
  }

  #read(piece: Buffer, at: number): Buffer {
    let length = 0;
    while (length < piece.length) {
      const more = readSync(this.#file, piece, length, piece.length - length, at + length);
      if (more === 0) throw new Error('the file of the revocation list was cut off');
      length += more;
    }
    return piece;
  }
}

/** How many descriptors of other files this thread has taken to close them. */
const taken = workerData as Int32Array;
let rows: SqliteReader | undefined;
let entries: Entries | undefined;

function readIn({ sql, parameters }: PageStatement): Record<string, unknown>[] {
  if (!rows) throw new Error('the thread has no rows');
  return rows.rows(sql, parameters);
}

function answer(request: Exclude<CrlFileRequest, { readonly kind: 'close-file' | 'stop' }>): CrlFileAnswer {
  switch (request.kind) {
    case 'open':
      rows = new SqliteReader(request.path);
      return {};
    case 'rows':
      return { rows: readIn(request) };
    case 'close':
      rows?.close();
      rows = undefined;
      return {};
    case 'begin':
      entries = new Entries(request);
      return {};
    case 'end':
      entries = undefined;
      return {};
  }
  if (!entries) throw new Error('the thread has no file');
  switch (request.kind) {
    case 'entries':
      entries.append(request.octets);
      return { length: entries.length };
    case 'pages':
      for (const statement of request.statements)
        for (const page of readIn(statement)) entries.append(entriesOf(page as unknown as RevocationPage));
      return { length: entries.length };
    case 'unique':
      entries.unique();
      return {};
    case 'move':
      entries.move(request.room);
      return {};
    case 'flush':
      entries.flush();
      return {};
    case 'digest':
      return { octets: entries.digest(request.hash, request) };
    case 'sign':
      return { octets: entries.sign(request.scheme, request.key, request) };
  }
}

/** The answer that reports an error. An unforeseen error is thrown, and ends the thread. */
function failureOf(error: unknown): CrlFileAnswer {
  if (error instanceof Finding || error instanceof DecodeError) return { finding: error.message };
  if (error instanceof StoreError) return { corrupt: error.message };
  if (error instanceof Error) {
    const { message } = error;
    if ('errcode' in error) return { sqlite: { message, errcode: Number(error.errcode) } };
    if ('syscall' in error && 'code' in error) return { failure: { code: String(error.code) } };
  }
  throw error;
}

try {
  // Linux knows priorities of threads: this one gives way to requests. Elsewhere it would be the process's.
  if (process.platform === 'linux') setPriority(Math.min(getPriority() + 15, 19));
} catch {
  // Where it is not allowed the list takes its share.
}

parentPort?.on('message', (request: CrlFileRequest) => {
  if (request.kind === 'close-file') {
    // First: who closes what this thread did not come to would close another file that has the number by then.
    Atomics.add(taken, 0, 1);
    closeSync(request.file);
    return;
  }
  if (request.kind === 'stop') {
    parentPort?.close();
    return;
  }
  let answered: CrlFileAnswer;
  try {
    answered = answer(request);
  } catch (error) {
    answered = failureOf(error);
  }
  parentPort?.postMessage(answered);
});
