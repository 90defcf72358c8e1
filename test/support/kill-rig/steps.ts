import crypto from 'node:crypto';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import threads, { getEnvironmentData, setEnvironmentData, type WorkerOptions } from 'node:worker_threads';

/*
 * Counts what this process does that lasts, in whichever thread: files opened for writing, written, flushed, linked, renamed and removed, beside the event
 * loop too; statements that write, and commits twice, before and after; signatures. The product knows nothing of it: only what Node.js and `pg` offer
 * to it is wrapped, in the process of the rig, before the product is loaded.
 */

const SHARED = 'kill-rig';
const existing = getEnvironmentData(SHARED);
const shared = new Int32Array(
  existing instanceof SharedArrayBuffer ? existing : new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT),
);
const [COUNT, KILL_AT] = [0, 1];

/** From now on counts, and ends this process by SIGKILL right before step `at`, the first one being 1. 0: never. */
export function killAt(at: number): void {
  Atomics.store(shared, COUNT, 0);
  Atomics.store(shared, KILL_AT, at);
}

/** How many steps were taken since. */
export const stepsTaken = (): number => Atomics.load(shared, COUNT);

/** True at the step that is the last. */
const isLast = (): boolean => Atomics.add(shared, COUNT, 1) + 1 === Atomics.load(shared, KILL_AT);

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('this process was killed');
}

function step(): void {
  if (isLast()) die();
}

/** Statements that change nothing that lasts are no steps. */
const lasts = (sql: string): boolean => !/^\s*(?:select|pragma (?:busy_timeout|query_only|data_version))\b/i.test(sql);
const isCommit = (sql: string): boolean => /^\s*commit\b/i.test(sql);

/** Replaces `object[name]` by what `wrap` makes of it. */
function wrap<Name extends string, F>(object: Record<Name, F>, name: Name, by: (original: F) => F): void {
  object[name] = by(object[name]);
}

for (const name of ['fsyncSync', 'renameSync', 'linkSync', 'rmSync', 'mkdirSync', 'chmodSync'] as const)
  wrap(fs as unknown as Record<string, (...args: unknown[]) => unknown>, name, (original) => (...args) => {
    step();
    return original(...args);
  });
wrap(fs as unknown as Record<string, typeof fs.openSync>, 'openSync', (original) => (path, flags, mode) => {
  if (flags !== 'r') step();
  return original(path, flags, mode);
});
wrap(fs as unknown as Record<string, typeof fs.writeFileSync>, 'writeFileSync', (original) => (file, data, options) => {
  if (isLast()) {
    // What is written when the process ends is written in part.
    const octets =
      typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    original(file, octets.subarray(0, octets.length / 2), options);
    die();
  }
  original(file, data, options);
});
for (const name of ['rename', 'rm', 'mkdir', 'chmod'] as const)
  wrap(
    promises as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>,
    name,
    (original) =>
      (...args) => {
        step();
        return original(...args);
      },
  );
wrap(promises as unknown as Record<string, typeof promises.open>, 'open', (original) => async (path, flags, mode) => {
  if (flags === 'r') return original(path, flags, mode);
  step();
  const file = await original(path, flags, mode);
  for (const name of ['writeFile', 'write', 'sync', 'chmod'] as const)
    wrap(file as unknown as Record<string, (...args: unknown[]) => unknown>, name, (method) => (...args) => {
      step();
      return method.apply(file, args);
    });
  return file;
});
wrap(crypto as unknown as Record<string, (...args: unknown[]) => unknown>, 'sign', (original) => (...args) => {
  step();
  return original(...args);
});

const exec = DatabaseSync.prototype.exec;
DatabaseSync.prototype.exec = function (sql) {
  if (lasts(sql)) step();
  exec.call(this, sql);
  if (isCommit(sql)) step();
};
for (const name of ['run', 'all'] as const)
  wrap(
    StatementSync.prototype as unknown as Record<string, (this: StatementSync, ...args: unknown[]) => unknown>,
    name,
    (original) =>
      function (...args) {
        if (lasts(this.sourceSQL)) step();
        const result = original.apply(this, args);
        if (isCommit(this.sourceSQL)) step();
        return result;
      },
  );
if (threads.isMainThread) {
  const { default: pg } = await import('pg');
  wrap(
    pg.Client.prototype as unknown as Record<string, (this: unknown, ...args: unknown[]) => unknown>,
    'query',
    (original) =>
      function (...args) {
        const [query] = args;
        const sql = typeof query === 'string' ? query : String((query as { readonly text?: unknown }).text);
        if (lasts(sql)) step();
        const result = original.apply(this, args);
        // It is on its way, and nobody will hear how it went.
        if (isCommit(sql)) step();
        return result;
      },
  );
  setEnvironmentData(SHARED, shared.buffer);
  // Threads of the product count as well.
  wrap(
    threads as unknown as Record<string, typeof threads.Worker>,
    'Worker',
    (Original) =>
      class extends Original {
        constructor(file: string | URL, options?: WorkerOptions) {
          super(file, { ...options, execArgv: ['--import', import.meta.url] });
        }
      },
  );
}
syncBuiltinESMExports();
