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
