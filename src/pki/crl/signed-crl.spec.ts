import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash, randomBytes } from 'node:crypto';
import { expect, jest, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/folder.js';
import { generateTestKeyPair } from '../../testing/index.js';
import {
  CrlReason,
  encodeRevokedCertificate,
  signingSchemeFor,
  subjectPublicKeyInfoOf,
  verifySignature,
} from '../../x509/index.js';
import { threadsStartedBy } from '../../../test/support/threads.js';
import { CheckedEntries, IN_MEMORY } from './checked-entries.js';
import { CrlFile } from './crl-file.js';
import { SignedCrl } from './signed-crl.js';

const terms = { isDelta: false, thisUpdate: new Date() };
const tomorrow = new Date(Date.now() + 86_400_000);
const entry = (reason: number = CrlReason.superseded, revocationDate = new Date(0)) =>
  encodeRevokedCertificate({ serialNumber: randomBytes(16), revocationDate, reason });
const all = Array.from({ length: 30 }, () => Buffer.concat(Array.from({ length: 1000 }, () => entry())));
/** Copies, which are given away. */
const pagesOf = (pages: number) => all.slice(0, pages).map((page) => Buffer.from(page));
const around = { before: randomBytes(90), after: randomBytes(60) };
const algorithm = { oid: '1.2.3', parameters: undefined, der: Uint8Array.of(0x05, 0x00) };

/** As deep in a file as was thought, deeper, less deep, and all of it before its place and behind. */
test.each([
  ['memory', 20, 0],
  ['a file', 30, 95],
  ['a file with too little room', 30, 93],
  ['a file with too much room', 30, 1_100_000],
])('the whole of a list in %s is what was put into it', async (_, pages, room) => {
  const path = join(temporaryFolder(), 'draft');
  const entries = pagesOf(pages);
  const whole = Buffer.concat(entries);
  const openFile = () => CrlFile.open(path, { ...terms, room, expected: 0 });
  const checked = await CheckedEntries.check(entries, { ...terms, openFile });
  expect(checked.length).toBe(whole.length);
  const crl = new SignedCrl({ ...around, entries: checked }, algorithm, randomBytes(64));
  const octets = Buffer.from(await crl.whole());
  expect(octets.length).toBe(crl.octets);
  expect(octets.indexOf(Buffer.concat([around.before, whole, around.after]))).toBeGreaterThan(0);
  expect(crl.file === undefined).toBe(whole.length <= IN_MEMORY);
  if (crl.file) {
    expect(await crl.complete(crl.file)).toBe(createHash('sha256').update(octets).digest('hex'));
    expect(readFileSync(path).equals(octets)).toBe(true);
    expect(Buffer.from(await crl.whole()).equals(octets)).toBe(true);
  }
  await crl.dispose();
});

test.each(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048'] as const)(
  'the thread of a file signs what is in it, with what stands around it, by a key of type %s',
  async (type) => {
    const file = await CrlFile.open(undefined, { ...terms, room: 95, expected: 0 });
    const entries = pagesOf(30);
    const whole = Buffer.concat([around.before, ...entries, around.after]);
    for (const page of entries) await file.append(page);
    await file.checkUnique();
    const { privateKey, publicKey } = generateTestKeyPair(type);
    const scheme = signingSchemeFor(privateKey);
    const signature = await file.sign(scheme, privateKey, around);
    expect(verifySignature(scheme.algorithm, subjectPublicKeyInfoOf(publicKey), whole, signature)).toBe(true);
    expect(await file.digest('sha384', around)).toEqual(createHash('sha384').update(whole).digest());
    await file.dispose();
  },
);

test('a list is whole on a disk that takes a part of what it is given', async () => {
  const path = join(temporaryFolder(), 'draft');
  const openFile = () => CrlFile.open(path, { ...terms, room: 95, expected: 0 });
  const checked = await CheckedEntries.check(pagesOf(30), { ...terms, openFile });
  const crl = new SignedCrl({ ...around, entries: checked }, algorithm, randomBytes(64));
  const handle = await open(path, 'r');
  const handles = Object.getPrototypeOf(handle) as { write: (...given: unknown[]) => Promise<unknown> };
  await handle.close();
  const { write } = handles;
  const partly = jest.spyOn(handles, 'write').mockImplementation(function (this: unknown, octets, at, length, to) {
    return write.call(this, octets, at, Math.min(Number(length), 50), to);
  });
  try {
    await crl.complete(crl.file!);
    expect(partly.mock.calls.length).toBeGreaterThan(2);
  } finally {
    partly.mockRestore();
  }
  expect(readFileSync(path).equals(Buffer.from(await crl.whole()))).toBe(true);
  await crl.dispose();
});

test.each([
  ['the same twice', (page: Buffer) => page, 'lint_failed', 'crl-entry-unique'],
  ['removeFromCRL', () => Buffer.from(entry(CrlReason.removeFromCRL)), 'lint_failed', 'crl-entry-reason'],
  ['half an entry', (page: Buffer) => page.subarray(0, 7), 'lint_failed', 'revoked certificate'],
  ['one of tomorrow', () => Buffer.from(entry(undefined, tomorrow)), 'clock_behind', 'crl-entry-date'],
])(
  'a list that is too large for memory is not made with %s, and leaves nothing behind',
  async (_, bad, code, message) => {
    const path = join(temporaryFolder(), 'draft');
    const pages = pagesOf(30);
    const openFile = () => CrlFile.open(path, { ...terms, room: 100, expected: 0 });
    const made = CheckedEntries.check([...pages, bad(Buffer.from(all[7] ?? []))], { ...terms, openFile });
    await expect(made).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(() => readFileSync(path)).toThrow('ENOENT');
  },
);

test('a file whose thread cannot begin is not left behind', async () => {
  const path = join(temporaryFolder(), 'draft');
  const notForThreads = { ...terms, room: 95, expected: 0, thisUpdate: (() => undefined) as unknown as Date };
  await expect(CrlFile.open(path, notForThreads)).rejects.toThrow('could not be cloned');
  expect(() => readFileSync(path)).toThrow('ENOENT');
});

test('who waits for the thread of a file is told when it ends, and who comes later as well', async () => {
  const file = await CrlFile.open(undefined, { ...terms, room: 95, expected: 0 });
  await file.append(Buffer.concat(pagesOf(30)));
  const waiting = expect(file.append(Buffer.from(entry()))).rejects.toThrow('ended');
  const later = expect(file.checkUnique()).rejects.toThrow('ended');
  await file.dispose();
  await Promise.all([waiting, later]);
  await expect(file.checkUnique()).rejects.toThrow('ended');
  const other = await CrlFile.open(undefined, { ...terms, room: 95, expected: 0 });
  await other.dispose();
  await expect(other.checkUnique()).rejects.toThrow('disposed of');
}, 5000);

test('files that come one after the other have one thread, and none has anything of the one before', async () => {
  const [page = Buffer.alloc(0)] = pagesOf(1);
  const digestOf = async (octets: Uint8Array): Promise<string> => {
    const file = await CrlFile.open(join(temporaryFolder(), 'draft'), { ...terms, room: 0, expected: 0 });
    await file.append(Buffer.from(octets));
    await file.checkUnique();
    const sha256 = await file.complete({ before: Buffer.alloc(0), after: Buffer.alloc(0) });
    await file.dispose();
    return sha256;
  };
  const started = await threadsStartedBy(async () => {
    const [one, other] = [await digestOf(page), await digestOf(page)];
    expect(one).toBe(createHash('sha256').update(page).digest('hex'));
    expect(other).toBe(one);
  });
  expect(started).toBeLessThanOrEqual(1);
});

test('files at once have a thread each, and each what was put into it', async () => {
  const pages = pagesOf(2);
  const nothing = { before: Buffer.alloc(0), after: Buffer.alloc(0) };
  const open = () => CrlFile.open(join(temporaryFolder(), 'draft'), { ...terms, room: 0, expected: 0 });
  const started = await threadsStartedBy(async () => {
    const files = await Promise.all(pages.map(open));
    await Promise.all(files.map((file, i) => file.append(Buffer.from(pages[i] ?? []))));
    await Promise.all(files.map((file) => file.checkUnique()));
    expect(await Promise.all(files.map((file) => file.complete(nothing)))).toEqual(
      pages.map((page) => createHash('sha256').update(page).digest('hex')),
    );
    await Promise.all(files.map((file) => file.dispose()));
  });
  // One may have been idle.
  expect(started).toBeGreaterThanOrEqual(1);
});
