import { expect, test } from '@jest/globals';
import { AnsweringThread } from './index.js';

interface Message {
  readonly id: number;
  readonly text: string;
}

/** A thread that runs `script` for each message. */
const threadOf = (script: string): AnsweringThread<Message, Message> =>
  new AnsweringThread(
    new URL(
      `data:text/javascript,${encodeURIComponent(
        `import { parentPort } from 'node:worker_threads'; parentPort.on('message', (message) => { ${script} });`,
      )}`,
    ),
    {},
    { unstarted: (reason) => new Error(reason), ended: (what) => new Error(`it ${what}`) },
  );
const ports = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length;

test('each answer is that of its request, in whatever order they come, and the process is kept alive until the last of them', async () => {
  const before = ports();
  const thread = threadOf(
    `(globalThis.all ??= []).unshift(message); if (all.length === 3) for (const each of all) parentPort.postMessage(each);`,
  );
  const answers = ['one', 'two', 'three'].map((text) => thread.ask({ text }));
  expect([ports(), thread.isBusy]).toEqual([before + 1, true]);
  expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  expect([ports(), thread.isBusy]).toEqual([before, false]);
  thread.end(new Error('over'));
  await thread.exit();
});

test('one that ended says why to whoever waits, and to whoever asks later', async () => {
  const thread = threadOf(`if (message.text === 'end') process.exit();`);
  const answers = ['wait', 'end'].map((text) => thread.ask({ text }));
  for (const answer of answers) await expect(answer).rejects.toThrow('it ended');
  await thread.exit();
  expect(thread.ended?.message).toBe('it ended');
  await expect(thread.ask({ text: 'again' })).rejects.toThrow('it ended');
});

test.each([
  ['answers what it was not asked', `parentPort.postMessage({ id: 7 })`, 'it answered what it was not asked'],
  ['answers nothing', `parentPort.postMessage(undefined)`, 'it answered what it was not asked'],
  ['throws', `throw new Error('no more')`, 'it failed (no more)'],
])('one that %s is ended, and says the first reason for it', async (_, script, why) => {
  const thread = threadOf(script);
  await expect(thread.ask({ text: 'one' })).rejects.toThrow(why);
  thread.end(new Error('over'));
  await thread.exit();
  expect(thread.ended?.message).toBe(why);
});
