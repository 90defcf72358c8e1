import { once } from 'node:events';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/folder.js';
import { lockPair } from './pair-lock.js';

const ROUNDS = 100;

/** A lock that was left by a process that ended. */
function leave(path: string): void {
  writeFileSync(path, '');
  utimesSync(path, new Date(), new Date(Date.now() - 61_000));
}

/** Takes the lock in each round at the same moment as the other thread does, and counts in `got` how often it was given. */
const TAKER = `
import { utimesSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
const { module, file, lock, memory, rounds } = workerData;
const { lockPair } = await import(module);
const [arrived, got] = [new Int32Array(memory, 0, 1), new Int32Array(memory, 4)];
let meetings = 0;
const meet = () => {
  meetings++;
  Atomics.add(arrived, 0, 1);
  // The first comes back at the same moment, unless the second is not even running.
  for (let looks = 0; Atomics.load(arrived, 0) < 2 * meetings; looks++) if (looks > 100_000) Atomics.wait(arrived, 0, 2 * meetings - 1, 1);
};
for (let round = 0; round < rounds; round++) {
  meet();
  try {
    lockPair(file);
    Atomics.add(got, round, 1);
  } catch (error) {
    if (error.name !== 'RenewalError') throw error;
  }
  meet();
  // As if whoever has it had ended.
  utimesSync(lock, new Date(), new Date(Date.now() - 61_000));
}
`;

test('of two that find the lock of a process that ended, one takes it', async () => {
  const folder = temporaryFolder();
  leave(join(folder, '.cert.pem.lock'));
  const memory = new SharedArrayBuffer(4 + 4 * ROUNDS);
  const workerData = {
    module: new URL('pair-lock.ts', import.meta.url).href,
    file: join(folder, 'cert.pem'),
    lock: join(folder, '.cert.pem.lock'),
    memory,
    rounds: ROUNDS,
  };
  const takers = [0, 1].map(
    () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(TAKER)}`), { execArgv: [], workerData }),
  );
  await Promise.all(takers.map((taker) => once(taker, 'exit')));
  const got = [...new Int32Array(memory, 4)];
  expect(got.filter((times) => times !== 1)).toEqual([]);
});

test('the lock of a process that ended before the clock was set back lasts no longer', () => {
  const folder = temporaryFolder();
  const [file, lock] = [join(folder, 'cert.pem'), join(folder, '.cert.pem.lock')];
  writeFileSync(lock, '');
  utimesSync(lock, new Date(), new Date(Date.now() + 3_600_000));
  lockPair(file)();
  expect(readdirSync(folder)).toEqual([]);
});

test('who takes away what a process left behind is left to it, unless it ended as well', () => {
  const folder = temporaryFolder();
  const [file, lock] = [join(folder, 'cert.pem'), join(folder, '.cert.pem.lock')];
  leave(lock);
  writeFileSync(`${lock}.stale`, '');
  expect(() => lockPair(file)).toThrow('is being replaced by another renewal');
  expect(readdirSync(folder).sort()).toEqual(['.cert.pem.lock', '.cert.pem.lock.stale']);
  leave(`${lock}.stale`);
  lockPair(file)();
  expect(readdirSync(folder)).toEqual([]);
});
