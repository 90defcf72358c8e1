import { expect, test } from '@jest/globals';
import { closeSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../../../test/support/temporary-authority.js';
import { octetsOfFile } from './published-octets.js';

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
