import { expect, test } from '@jest/globals';
import { hash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../../../test/support/folder.js';
import { octetsInMemory, octetsOfFile } from './published-octets.js';

test('octets that are retired twice give back their file once, and nobody else loses one', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'list');
  writeFileSync(path, 'octets');
  const octets = octetsOfFile(path);
  const reader = octets.read();
  expect(Buffer.from((await reader.next()).value as Uint8Array).toString()).toBe('octets');
  octets.retire();
  octets.retire();
  // Both graces end, and the one who still reads.
  await delay(1_100);
  expect((await reader.next()).done).toBe(true);
  const others = Array.from({ length: 4 }, () => openSync(path, 'r'));
  octets.retire();
  await delay(1_100);
  for (const file of others) {
    expect(readSync(file, Buffer.alloc(6))).toBe(6);
    closeSync(file);
  }
  await expect(octets.read().next()).rejects.toThrow('no more');
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
