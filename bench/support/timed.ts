import { spawnSync } from 'node:child_process';

/** What a command took: seconds, and the most memory it had in mebibytes. */
export interface Taken {
  readonly seconds: number;
  readonly mebibytes: number;
}

/** Whether GNU time is here. */
export const canBeTimed = (): boolean => spawnSync('/usr/bin/time', ['--version']).status === 0;

/** Runs a command in `cwd`. Throws when it fails. */
export function timed(command: string, args: readonly string[], cwd: string): Taken {
  const from = performance.now();
  const { status, stderr } = spawnSync('/usr/bin/time', ['-f', 'MAXRSS %M', command, ...args], {
    cwd,
    encoding: 'utf8',
  });
  const seconds = (performance.now() - from) / 1000;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return { seconds, mebibytes: Number(/MAXRSS (\d+)/.exec(stderr)?.[1]) / 1024 };
}
