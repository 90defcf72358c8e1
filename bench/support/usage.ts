import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a piece of work took: seconds, and the longest time in milliseconds for which the event loop had no turn. */
export interface Work<T> {
  readonly value: T;
  readonly seconds: number;
  readonly longestBlock: number;
}

/** Does a piece of work and looks how long it holds up the event loop. */
export async function observed<T>(work: () => Promise<T>): Promise<Work<T>> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  // The first turn is that of whoever called.
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.reset();
  const from = performance.now();
  const value = await work();
  const seconds = (performance.now() - from) / 1000;
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  return { value, seconds, longestBlock: delay.max / 1e6 };
}

const memory = (field: 'VmHWM' | 'VmRSS'): number =>
  Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;

/** The memory of this process at rest, in mebibytes; its peak counts from here on. */
export function memoryAtRest(): number {
  globalThis.gc?.();
  // Linux: resets VmHWM.
  writeFileSync('/proc/self/clear_refs', '5');
  return memory('VmRSS');
}

/** The most memory that this process had since {@link memoryAtRest}, in mebibytes. */
export const peakMemory = (): number => memory('VmHWM');
