import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/*
 * A real PostgreSQL for the specs of one run. It is looked for when the run begins, started by the first spec that asks (test/support/postgres.ts),
 * and stopped when the run ends. Only what Node.js reads without a compiler: Jest loads this before its own transforms.
 */

/** What the specs hear of the cluster, by the environment: JSON in `TEST_POSTGRES`, which is empty where there is none. */
export interface ClusterPlace {
  readonly bin: string;
  readonly version: string;
  /** Socket, data and log; whose owner may run the server. */
  readonly folder: string;
  readonly uid?: number;
  readonly gid?: number;
  /** The run that it is for. */
  readonly pid: number;
}

/** Jest's globalSetup and, called the second time, its globalTeardown. With `REQUIRE_POSTGRES=1` a missing PostgreSQL ends the run. */
export default async function setupOrStop(): Promise<void> {
  const before = process.env.TEST_POSTGRES;
  if (before !== undefined) {
    delete process.env.TEST_POSTGRES;
    if (before !== '') await stop(JSON.parse(before) as ClusterPlace);
    return;
  }
  process.env.TEST_POSTGRES = '';
  let why = '';
  const bin =
    findServer() ??
    installServer((reason) => {
      why = reason;
    });
  if (bin === undefined) {
    const sentence = `PostgreSQL was not found (PATH, /usr/lib/postgresql) and ${why}`;
    if (process.env.REQUIRE_POSTGRES === '1') throw new Error(`${sentence}; this run insists on it.`);
    process.stderr.write(`${sentence}: what the specs ask of PostgreSQL is SKIPPED.\n`);
    return;
  }
  const version = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).trim();
  const folder = mkdtempSync(join(tmpdir(), 'veritas-postgres-'));
  const place: ClusterPlace = { bin, version, folder, pid: process.pid, ...unprivileged() };
  process.env.TEST_POSTGRES = JSON.stringify(place);
}

async function stop(place: ClusterPlace): Promise<void> {
  const pidFile = join(place.folder, 'data/postmaster.pid');
  if (existsSync(pidFile)) {
    const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
    // Its files are thrown away: it need not put them in order first.
    if (isRunning(pid)) process.kill(pid, 'SIGQUIT');
    for (let i = 0; i < 250 && isRunning(pid); i++) await setTimeout(20);
    process.stderr.write(`What the specs ask of PostgreSQL ran on ${place.version}.\n`);
  }
  rmSync(place.folder, { recursive: true, force: true });
}

export function clusterPlace(): ClusterPlace | undefined {
  const text = process.env.TEST_POSTGRES ?? '';
  return text === '' ? undefined : (JSON.parse(text) as ClusterPlace);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The folder of PostgreSQL's programs: on the PATH, or the newest where Debian's package puts it. */
export function findServer(): string | undefined {
  const packaged = '/usr/lib/postgresql';
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions.map((version) => join(packaged, version, 'bin')),
  ];
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
}

/** Debian's package, for root. */
function installServer(tell: (reason: string) => void): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    tell('only root on Debian can install it here');
    return undefined;
  }
  process.stderr.write('PostgreSQL was not found: installing the package of Debian for the specs …\n');
  const options = {
    stdio: 'ignore',
    timeout: 180_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  } as const;
  const quick = ['-qq', '-o', 'Acquire::http::Timeout=10', '-o', 'Acquire::Retries=1'];
  try {
    execFileSync('apt-get', [...quick, 'update'], options);
    execFileSync('apt-get', [...quick, '-y', '--no-install-recommends', 'install', 'postgresql'], options);
  } catch {
    tell('apt-get could not install it');
    return undefined;
  }
  tell('it is not where its package puts it');
  return findServer();
}

/** Whom the server runs as in place of root, which it refuses; nothing where this process is not root's. */
export function unprivileged(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => {
    for (const user of ['postgres', 'nobody']) {
      try {
        return Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      } catch {
        continue;
      }
    }
    throw new Error('there is no user that PostgreSQL could run as');
  };
  return { uid: id('-u'), gid: id('-g') };
}
