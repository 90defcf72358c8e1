import { Readable } from 'node:stream';
import { runCommandLine } from '../../src/commands/index.js';

type Host = Parameters<typeof runCommandLine>[1];

/** What the command line wrote, and its exit code. */
export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command line as a process of its own, but for the process. `input` is its stdin; a test that gives `streams` looks at them by itself. */
export async function commandLine(
  args: readonly string[],
  environment: Host['environment'],
  { input = '', ...host }: Partial<Omit<Host, 'input' | 'environment'>> & { readonly input?: string } = {},
): Promise<Run> {
  let [out, err] = ['', ''];
  const code = await runCommandLine(args, {
    streams: { out: (text) => void (out += text), err: (text) => void (err += text) },
    environment,
    input: () => Readable.from([Buffer.from(input)]),
    version: '0.0.0-test',
    now: () => new Date(),
    ...host,
  });
  return { code, out, err };
}
