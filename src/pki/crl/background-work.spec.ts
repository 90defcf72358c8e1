import { expect, test } from '@jest/globals';
import { BackgroundWork } from './background-work.js';

test('what is asked for more often than it can be done is done once more, and whoever asked waits for that', async () => {
  const began: PromiseWithResolvers<undefined>[] = [];
  const work = new BackgroundWork(() => {
    const one = Promise.withResolvers<undefined>();
    began.push(one);
    return one.promise.then(() => undefined);
  });
  const done: string[] = [];
  const ask = (name: string) => work.run().then(() => done.push(name));
  const asked = [ask('first')];
  await Promise.resolve();
  await Promise.resolve();
  asked.push(...['second', 'third', 'fourth'].map(ask));
  expect([began.length, done]).toEqual([1, []]);
  began[0]?.resolve(undefined);
  await asked[0];
  await Promise.resolve();
  expect([began.length, done]).toEqual([2, ['first']]);
  asked.push(ask('fifth'));
  began[1]?.resolve(undefined);
  await asked[3];
  expect(done).toEqual(['first', 'second', 'third', 'fourth']);
  began[2]?.resolve(undefined);
  await work.done;
  expect([began.length, done.length]).toEqual([3, 5]);
});
