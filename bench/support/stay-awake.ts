/**
 * Keeps a load maker from sleeping until `end` (as of `performance.now()`): to wake whoever sleeps takes the kernel two microseconds more of a write, on the writer's
 * account, and the slower a server is, the more often it finds the load maker asleep.
 */
export function stayAwake(end: number): void {
  if (performance.now() < end) setImmediate(stayAwake, end);
}
