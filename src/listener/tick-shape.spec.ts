import { executionAsyncResource } from 'node:async_hooks';
import { expect, test } from '@jest/globals';
import { keepTickShape } from './tick-shape.js';

test('keeps what Node makes for a tick, and always the same', async () => {
  const kept = await keepTickShape();
  const other = await new Promise<object>((resolve) => {
    process.nextTick(() => {
      resolve(executionAsyncResource());
    });
  });
  expect(Reflect.ownKeys(kept)).toEqual(Reflect.ownKeys(other));
  expect(kept).not.toBe(other);
  expect(await keepTickShape()).toBe(kept);
});
