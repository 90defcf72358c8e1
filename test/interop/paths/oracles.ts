import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NOW, type PathCase } from './hierarchy.js';

/** What each implementation says: `ok`, or why not. */
export type Verdicts = Readonly<Record<string, string>>;

export interface OracleCase extends PathCase {
  readonly revocationRequired: boolean;
}

/** Asks every implementation that is here about all cases, in one process for each language. */
export function askOracles(cases: readonly OracleCase[]): {
  readonly versions: readonly string[];
  readonly verdicts: readonly Verdicts[];
} {
  const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
  const input = cases
    .map(({ leaf, intermediates, anchors, crls, host, revocationRequired }) =>
      JSON.stringify({
        leaf: base64(leaf),
        intermediates: intermediates.map(base64),
        anchors: anchors.map(base64),
        crls: crls.map(base64),
        host,
        ip: isIP(host) !== 0,
        time: NOW.getTime() / 1000,
        revocationRequired,
      }),
    )
    .join('\n');
  const answers = [ask('python3', [join(import.meta.dirname, 'oracles.py')], input), ...go(input)];
  return {
    versions: answers.flatMap(([versions = {}]) => Object.values(versions)),
    verdicts: cases.map((_, index) => Object.assign({}, ...answers.map((lines) => lines[index + 1])) as Verdicts),
  };
}

/** Go's, where Go is: nothing else here needs it. */
function go(input: string): Verdicts[][] {
  if (spawnSync('go', ['version']).status !== 0) return [];
  const folder = mkdtempSync(join(tmpdir(), 'veritas-oracle-'));
  try {
    const program = join(folder, 'oracle');
    execFileSync('go', ['build', '-o', program, join(import.meta.dirname, 'oracle.go')], {
      env: { ...process.env, GO111MODULE: 'off', GOFLAGS: '', GOCACHE: join(folder, 'cache') },
    });
    return [ask(program, [], input)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function ask(command: string, options: readonly string[], input: string): Verdicts[] {
  const text = execFileSync(command, options, { input: `${input}\n`, encoding: 'utf8', maxBuffer: 1 << 30 });
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Verdicts);
}
