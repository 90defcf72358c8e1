import { createHash, randomInt } from 'node:crypto';
import { readSync, write, writeSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { promisify } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { DecodeError } from '../../der/decode-error.js';
import { CrlEntriesLint } from '../../x509/lint/crl-entries-lint.js';
import { lintFindingToString } from '../../x509/lint/lint-rule.js';
import type { CrlFileAnswer, CrlFileData, CrlFileRequest } from './crl-file-protocol.js';

/*
 * The thread that checks the entries of a list that is too large for memory, writes them to its file, and takes the digest of the whole: nobody waits for it
 * but the list. It imports the few files that it needs: a room's index would bring all of the room, and take longer than a list.
 */

const PIECE = 512 * 1024;
const { file, room, isDelta, thisUpdate } = workerData as CrlFileData;
const lint = new CrlEntriesLint({ isDelta, thisUpdate, key: [randomInt(0x1_0000_0000), randomInt(0x1_0000_0000)] });
let [start, end] = [room, room];

const writeAside = promisify(write);
/** Of the entries before. */
let written: Promise<void> = Promise.resolve();

async function writeEntries(octets: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < octets.length;)
    done += (await writeAside(file, octets, done, octets.length - done, at + done)).bytesWritten;
  // At once, and not when memory is looked through: a list would have all of itself in memory until then.
  if (octets.buffer instanceof ArrayBuffer) octets.buffer.transfer(0);
}

function read(piece: Buffer, at: number): Buffer {
  let length = 0;
  for (let more = -1; more !== 0 && length < piece.length; length += more)
    more = readSync(file, piece, length, piece.length - length, at + length);
  return piece.subarray(0, length);
}

/** They are written while the next ones are checked. */
async function append(octets: Uint8Array): Promise<CrlFileAnswer> {
  const finding = lint.check(octets);
  if (finding) return { finding: lintFindingToString(finding) };
  await written;
  written = writeEntries(octets, end);
  written.catch(() => undefined);
  end += octets.length;
  return {};
}

async function unique(): Promise<CrlFileAnswer> {
  await written;
  for (const finding of lint.checkUnique()) if (finding) return { finding: lintFindingToString(finding) };
  return {};
}

/** From the end that nothing is written over that is still to be read. */
function move(to: number): void {
  const [by, length, piece] = [to - start, end - start, Buffer.allocUnsafe(PIECE)];
  for (let done = 0; done < length; done += PIECE) {
    const size = Math.min(PIECE, length - done);
    const at = by < 0 ? start + done : end - done - size;
    const octets = read(piece.subarray(0, size), at);
    for (let done = 0; done < octets.length;)
      done += writeSync(file, octets, done, octets.length - done, at + by + done);
  }
  [start, end] = [to, end + by];
}

function digest(): string {
  const [hash, piece] = [createHash('sha256'), Buffer.allocUnsafe(PIECE)];
  let at = 0;
  for (let octets = read(piece, at); octets.length > 0; octets = read(piece, at)) {
    hash.update(octets);
    at += octets.length;
  }
  return hash.digest('hex');
}

async function answer(request: CrlFileRequest): Promise<CrlFileAnswer> {
  switch (request.kind) {
    case 'entries':
      return append(request.octets);
    case 'unique':
      return unique();
    case 'move':
      move(request.room);
      return {};
    case 'digest':
      return { sha256: digest() };
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
  before = before
    .then(() => answer(request))
    .catch(failureOf)
    .then((answered) => parentPort?.postMessage(answered));
});
