import { expect, test } from '@jest/globals';
import { hash, randomBytes } from 'node:crypto';
import { closeSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../../../test/support/folder.js';
import { octetsInMemory, octetsOfFile } from './published-octets.js';

test('octets that are retired, however often, give back their file once, when nobody reads them any more', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'list');
  writeFileSync(path, 'octets');
  const closed: number[] = [];
  const octets = octetsOfFile(path, (file) => {
    closed.push(file);
    closeSync(file);
  });
  const early = octets.read();
  expect(Buffer.from((await early.next()).value as Uint8Array).toString()).toBe('octets');
  octets.retire();
  octets.retire();
  // Who was told of them a moment ago may still begin.
  const late = octets.read();
  expect((await late.next()).done).toBe(false);
  // Both graces end before the one who still reads.
  await delay(1_100);
  await late.return(undefined);
  expect(closed).toEqual([]);
  expect((await early.next()).done).toBe(true);
  expect(closed).toHaveLength(1);
  octets.retire();
  await delay(1_100);
  expect(closed).toHaveLength(1);
  await expect(octets.read().next()).rejects.toThrow('no more');
  rmSync(folder, { recursive: true });
});

test('octets that are retired while nobody reads them give back their file', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'list');
  writeFileSync(path, 'octets');
  const { promise, resolve } = Promise.withResolvers<number>();
  octetsOfFile(path, resolve).retire();
  closeSync(await promise);
  rmSync(folder, { recursive: true });
});

test('octets of a file that was cut off end with an error', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'list');
  writeFileSync(path, 'octets');
  const octets = octetsOfFile(path);
  truncateSync(path, 3);
  const reader = octets.read();
  expect(Buffer.from((await reader.next()).value as Uint8Array).toString()).toBe('oct');
  await expect(reader.next()).rejects.toThrow('cut off');
  octets.retire();
  rmSync(folder, { recursive: true });
});

test.each(['in memory', 'of a file'])('octets %s are read from one place up to another', async (kind) => {
  const folder = temporaryFolder();
  const path = join(folder, 'list');
  writeFileSync(path, 'octets');
  const octets = kind === 'in memory' ? octetsInMemory(Buffer.from('octets')) : octetsOfFile(path);
  for (const [start, end, part] of [
    [undefined, undefined, 'octets'],
    [1, 3, 'ct'],
    [4, undefined, 'ts'],
  ] as const) {
    const pieces: Uint8Array[] = [];
    for await (const piece of octets.read(start, end)) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toBe(part);
  }
  octets.retire();
  rmSync(folder, { recursive: true });
});

test('octets of a file come in pieces of which a thousand clients may each have two, and have the digest of all', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'list');
  const all = randomBytes(600_000);
  writeFileSync(path, all);
  const octets = octetsOfFile(path);
  const pieces: Uint8Array[] = [];
  for await (const piece of octets.read(1)) pieces.push(piece);
  expect(Buffer.concat(pieces).equals(all.subarray(1))).toBe(true);
  expect(Math.max(...pieces.map(({ length }) => length))).toBe(64 * 1024);
  expect([await octets.sha256(), await octetsInMemory(all).sha256()]).toEqual(Array(2).fill(hash('sha256', all)));
  octets.retire();
  rmSync(folder, { recursive: true });
});
