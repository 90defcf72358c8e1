import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { findServer, unprivileged } from '../../test/support/postgres-cluster.js';

/** A PostgreSQL that flushes each commit to this machine's disk, as it comes. */
export interface PostgresServer {
  readonly version: string;
  readonly url: string;
  /** Makes another database, and gives its URL. */
  readonly another: (name: string) => Promise<string>;
  readonly stop: () => void;
}

/** Starts a server of its own in a temporary folder; undefined where PostgreSQL is not installed. */
export async function startPostgres(): Promise<PostgresServer | undefined> {
  const bin = findServer();
  if (bin === undefined) return undefined;
  const version = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).trim();
  const folder = mkdtempSync(join(tmpdir(), 'veritas-bench-postgres-'));
  const user = unprivileged();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const quiet = { ...user, cwd: '/', stdio: 'ignore' } as const;
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'veritas', '-A', 'trust', '-E', 'UTF8'], quiet);
  const settings = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${folder}`];
  const child = spawn(join(bin, 'postgres'), ['-D', data, ...settings], quiet);
  const stop = (): void => {
    child.kill('SIGQUIT');
    rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', stop);
  const urlOf = (database: string): string =>
    `postgres://veritas@localhost/${database}?host=${encodeURIComponent(folder)}`;
  const url = urlOf('postgres');
  const query = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(text);
    await client.end();
  };
  const another = async (name: string): Promise<string> => {
    await query(`create database ${name}`);
    return urlOf(name);
  };
  for (let i = 0; ; i++) {
    try {
      await query('select 1');
      return { version, url, another, stop };
    } catch (error) {
      if (i > 250) throw error;
      await setTimeout(20);
    }
  }
}
