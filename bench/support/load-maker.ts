import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Outcome, Round } from './load.js';
import { pin, type Subject } from './subject.js';

/** A round against one server: per second of wall time, and per second of the server's own CPU time. */
export interface Measured extends Outcome {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly rss: number;
}

/** Starts the load maker's process; it presents the development client certificate in `folder`. */
export function startLoadMaker(folder: string): {
  measure: (subject: Subject, round: Omit<Round, 'port'>) => Promise<Measured>;
  stop: () => void;
} {
  const child = fork(join(import.meta.dirname, 'load.js'), [folder], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  pin(child, 0);
  return {
    measure: async (subject, round) => {
      const before = await subject.usage();
      child.send({ ...round, port: subject.port });
      const [outcome] = (await once(child, 'message')) as [Outcome];
      const after = await subject.usage();
      const cpuSeconds = (after.cpu - before.cpu) / 1e6;
      return {
        ...outcome,
        perSecond: outcome.count / outcome.seconds,
        perCpuSecond: outcome.count / cpuSeconds,
        rss: after.rss,
      };
    },
    stop: () => child.kill(),
  };
}
