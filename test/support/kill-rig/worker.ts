// A process that works on a CA until it is killed: one job as a line of JSON on stdin, what it has done as lines on stdout.
import { writeSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { killAt, stepsTaken } from './steps.js';
import type { OperationName, Work } from './operations.js';

/** What a process is told to do. `killAt`: the step that it does not take any more; 0 for none. */
export interface Job extends Work {
  readonly operation: OperationName;
  readonly killAt: number;
}

// Hundreds of these are started, one after the other.
enableCompileCache(join(import.meta.dirname, 'cache'));
const { OPERATIONS } = await import('./operations.js');
const say = (what: object): void => {
  writeSync(1, `${JSON.stringify(what)}\n`);
};

say({ kind: 'ready' });
for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line) as Job;
  killAt(job.killAt);
  await OPERATIONS[job.operation].run(job, say);
  say({ kind: 'done', steps: stepsTaken() });
}
