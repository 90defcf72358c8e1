import { once } from 'node:events';
import { fstatSync, openSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { Worker } from 'node:worker_threads';
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

test.each(['in use', 'idle', 'ended'])('it closes the descriptor of another file, while it is %s', async (state) => {
  const isOpen = (file: number): boolean => {
    try {
      return fstatSync(file).isFile();
    } catch {
      return false;
    }
  };
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
