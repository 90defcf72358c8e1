import { expect, jest, test } from '@jest/globals';
import { inTurn } from './index.js';

/** Work that ends when it is told to. */
function work(name: string, log: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const done = inTurn(() => {
    log.push(name);
    return promise;
  });
  return { done, end: () => resolve(name), fail: () => reject(new Error(name)) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('one at a time, in the order of the calls, and one that fails is followed by the next', async () => {
  const log: string[] = [];
  const [first, second, third] = [work('first', log), work('second', log), work('third', log)];
  await settled();
  expect(log).toEqual(['first']);
  first.fail();
  await expect(first.done).rejects.toThrow('first');
  await settled();
  expect(log).toEqual(['first', 'second']);
  second.end();
  third.end();
  expect(await Promise.all([second.done, third.done])).toEqual(['second', 'third']);
  const alone = work('alone', log);
  expect(log.at(-1)).toBe('alone');
  alone.end();
  await alone.done;
});

test('nobody waits for ever behind work that hangs', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  const log: string[] = [];
  const [hanging, next] = [work('hanging', log), work('next', log)];
  await settled();
  expect(log).toEqual(['hanging']);
  jest.advanceTimersByTime(5_000);
  await settled();
  expect(log).toEqual(['hanging', 'next']);
  jest.useRealTimers();
  hanging.end();
  next.end();
  await Promise.all([hanging.done, next.done]);
});
