import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { OcspRound } from './load-ocsp.js';
import type { Outcome, Round } from './load.js';
import { pin, type Subject } from './subject.js';

/** A round against one server: per second of wall time, and per second of the server's own CPU time. */
export interface Measured extends Outcome {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly rss: number;
}

interface LoadMaker<AnyRound> {
  readonly measure: (subject: Subject, round: Omit<AnyRound, 'port'>) => Promise<Measured>;
  readonly stop: () => void;
}

/** Starts the load maker's process; it presents the development client certificate in `folder`. */
export const startLoadMaker = (folder: string): LoadMaker<Round> => startProcess('load.js', folder);

/** Starts the load maker for OCSP over plain HTTP. */
export const startOcspLoadMaker = (): LoadMaker<OcspRound> => startProcess('load-ocsp.js');

function startProcess<AnyRound extends object>(file: string, ...options: string[]): LoadMaker<AnyRound> {
  const child = fork(join(import.meta.dirname, file), options, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
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
