import { once } from 'node:events';
import { closeSync, fstatSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { Worker } from 'node:worker_threads';
import { temporaryFolder } from '../../../test/support/folder.js';
import type { PageStatement } from './crl-entries.js';
import { CrlFileThread } from './crl-file-thread.js';

const begin = async (): Promise<CrlFileThread> => {
  const thread = new CrlFileThread();
  await thread.ask({ kind: 'begin', file: -1, room: 0, expected: 0, isDelta: false, thisUpdate: new Date() });
  return thread;
};

test('it keeps the process alive while it has a file, and not otherwise', async () => {
  const ports = () => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length;
  const before = ports();
  for (let turn = 0; turn < 2; turn++) {
    const thread = await begin();
    expect(ports()).toBe(before + 1);
    await thread.release();
    expect(ports()).toBe(before);
  }
});

test('one that died while it was idle is given to nobody', async () => {
  const sent = jest.spyOn(Worker.prototype, 'postMessage');
  const [thread, { contexts }] = [await begin(), sent.mock];
  const [worker] = contexts as readonly Worker[];
  await thread.release();
  await worker?.terminate();
  const next = await begin();
  expect(contexts.at(-1)).not.toBe(worker);
  expect(await next.ask({ kind: 'unique' })).toEqual({});
  await next.release();
  sent.mockRestore();
});

const isOpen = (file: number): boolean => {
  try {
    return fstatSync(file).isFile();
  } catch {
    return false;
  }
};

test('of two that are released at once one stays idle, and the other ends', async () => {
  const sent = jest.spyOn(Worker.prototype, 'postMessage');
  const threads = [await begin(), await begin()];
  const [, later] = sent.mock.contexts as readonly Worker[];
  const ended = once(later!, 'exit');
  for (const thread of threads) await thread.release();
  await ended;
  sent.mockRestore();
});

test.each(['in use', 'idle', 'ended'])('it closes the descriptor of another file, while it is %s', async (state) => {
  const sent = jest.spyOn(Worker.prototype, 'postMessage');
  const [thread, file] = [await begin(), openSync(import.meta.filename, 'r')];
  if (state !== 'in use') await thread.release();
  const [worker] = sent.mock.contexts as readonly Worker[];
  if (state === 'ended') await worker?.terminate();
  CrlFileThread.closeFile(file);
  while (isOpen(file)) await wait(5);
  if (state === 'in use') expect(await thread.ask({ kind: 'unique' })).toEqual({});
  await thread.release();
  sent.mockRestore();
});

test('the descriptors that one was given and did not come to are closed when it is terminated, once each', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'rows.db');
  new DatabaseSync(path).close();
  const thread = await begin();
  await thread.open(path);
  const [early, ...late] = Array.from({ length: 3 }, () => openSync(import.meta.filename, 'r'));
  CrlFileThread.closeFile(early!);
  while (isOpen(early!)) await wait(5);
  // The number is soon another file's.
  const other = openSync(import.meta.filename, 'r');
  const statements = Array<PageStatement>(500_000).fill({ sql: 'select 1 where 0', parameters: [] });
  const busy = expect(thread.ask({ kind: 'pages', statements })).rejects.toMatchObject({ code: 'thread_failed' });
  for (const file of late) CrlFileThread.closeFile(file);
  await thread.release();
  await busy;
  while (late.some(isOpen)) await wait(5);
  expect(isOpen(other)).toBe(true);
  closeSync(other);
  rmSync(folder, { recursive: true });
});

test('it ends when it was idle for ten seconds, and closes first what it was given', async () => {
  const sent = jest.spyOn(Worker.prototype, 'postMessage');
  const thread = await begin();
  const worker = sent.mock.contexts[0] as Worker;
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  await thread.release();
  const file = openSync(import.meta.filename, 'r');
  CrlFileThread.closeFile(file);
  jest.advanceTimersByTime(10_000);
  jest.useRealTimers();
  await once(worker, 'exit');
  expect(() => fstatSync(file)).toThrow('EBADF');
  sent.mockRestore();
});
