import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** What a server under test says of itself when asked. CPU time in microseconds. */
export interface Usage {
  readonly cpu: number;
  readonly rss: number;
}

/** A server that is told things, too. */
export interface ToldSubject extends Subject {
  /** Says something to it, and gives what it answers. */
  readonly ask: <Answer>(message: string) => Promise<Answer>;
}

/** A server under test, in a process of its own. */
export interface Subject {
  readonly name: string;
  readonly port: number;
  readonly usage: () => Promise<Usage>;
  readonly stop: () => Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `bench/servers/<file>` with the development material in `folder`, and waits until it listens. */
export async function startSubject(
  name: string,
  file: string,
  folder: string,
  ...more: string[]
): Promise<ToldSubject> {
  const child = fork(join(import.meta.dirname, '../servers', `${file}.js`), [folder, ...more], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  running.add(child);
  pin(child, 1);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const ask = async <Answer>(message: string): Promise<Answer> => {
    child.send(message);
    const [answer] = (await once(child, 'message')) as [Answer];
    return answer;
  };
  return {
    name,
    port,
    ask,
    usage: () => ask<Usage>('usage'),
    stop: async () => {
      running.delete(child);
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Keeps a process on one core, where the machine has `taskset` and two cores: servers on one, the load maker on the other. */
export function pin({ pid }: ChildProcess, core: 0 | 1): void {
  if (availableParallelism() < 2 || pid === undefined) return;
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // Without it the figures only vary more.
  }
}

/** To be called by a server's file once it listens: tells the port, and answers questions about what it uses. */
export function serve(port: number): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() });
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ port });
}
