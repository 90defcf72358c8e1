import { expect, it, jest } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { temporaryFolder } from '../../test/support/folder.js';
import { withoutThreads } from '../../test/support/threads.js';
import { openStore } from './open-store.js';
import { SqliteThread } from './sqlite-thread.js';

it('a thread that dies while it is being closed is told once, to whoever closes it', async () => {
  const folder = temporaryFolder();
  const thread = new SqliteThread(join(folder, 'veritas.db'), { statementTimeout: 100 });
  await expect(thread.run('select 1', [])).rejects.toThrow('over');
  const sent = jest.spyOn(Worker.prototype, 'postMessage').mockImplementationOnce(() => undefined);
  const closing = expect(thread.close()).rejects.toMatchObject({
    code: 'store_unavailable',
    cause: { message: 'broken' },
  });
  const [worker] = sent.mock.contexts as readonly Worker[];
  sent.mockRestore();
  worker?.emit('error', new Error('broken'));
  await worker?.terminate();
  await closing;
  expect(thread.isDead).toBe(true);
  await thread.close();
  rmSync(folder, { recursive: true });
});

it('a store for which there is no thread is unavailable, until there is one again', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'veritas.db');
  const store = await openStore({ path });
  const write = () => store.transaction(() => Promise.resolve('written'));
  await withoutThreads(() =>
    expect(write()).rejects.toMatchObject({
      code: 'store_unavailable',
      message: `the store ${path} cannot be used: its thread cannot be started (EAGAIN)`,
    }),
  );
  expect(await write()).toBe('written');
  await store.close();
  rmSync(folder, { recursive: true });
});
