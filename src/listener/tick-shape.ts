import { executionAsyncResource } from 'node:async_hooks';

let kept: object | undefined;

/**
 * Keeps one of Node's records of a `process.nextTick()` alive. They all have one shape, which V8 forgets when it collects garbage while none is
 * alive; seeing it again as if it were another one, it takes the slow path in every later `nextTick()` of the process. There are several in each
 * request: a service with many modules, hence with a large collection while it starts, was measured to answer a tenth fewer requests for it.
 * To be called once, before much else is loaded.
 */
export async function keepTickShape(): Promise<object> {
  kept ??= await new Promise<object>((resolve) => {
    process.nextTick(() => {
      resolve(executionAsyncResource());
    });
  });
  return kept;
}
