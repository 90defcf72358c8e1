import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe } from '@jest/globals';
import pg from 'pg';
import type { StoreOptions } from '../../src/store/index.js';
import { temporaryFolder } from './folder.js';
import { clusterPlace, type ClusterPlace } from './postgres-cluster.js';

/** A store's place of its own, for one spec. */
export interface StorePlace {
  readonly options: StoreOptions;
  readonly remove: () => Promise<void>;
}

export type StoreKind = 'SQLite' | 'PostgreSQL';

/** The same specs on a SQLite file and on a PostgreSQL database; the second half is skipped where there is no PostgreSQL. */
export function describeOnEachStore(
  what: string,
  specs: (kind: StoreKind, newPlace: () => Promise<StorePlace>) => void,
): void {
  describe(`${what}, on SQLite`, () => {
    specs('SQLite', sqlitePlace);
  });
  describeOnPostgres(`${what}, on PostgreSQL`, () => {
    specs('PostgreSQL', postgresPlace);
  });
}

/** Specs of PostgreSQL alone; skipped where there is none. */
export const describeOnPostgres: (name: string, specs: () => void) => void = clusterPlace() ? describe : describe.skip;

function sqlitePlace(): Promise<StorePlace> {
  const folder = temporaryFolder();
  const remove = (): Promise<void> => {
    rmSync(folder, { recursive: true, force: true });
    return Promise.resolve();
  };
  return Promise.resolve({ options: { path: join(folder, 'var/veritas.db') }, remove });
}

/** A database in the run's cluster, which the first to ask starts: an empty one, or a copy of another to which nobody is connected. */
export async function postgresPlace(copyOf?: StoreOptions): Promise<StorePlace> {
  const cluster = await startedCluster();
  const name = `veritas_${randomBytes(6).toString('hex')}`;
  const template = copyOf?.url === undefined ? 'template0' : databaseIn(copyOf.url);
  await administer(cluster, `create database ${name} template ${template}`);
  return {
    options: { url: urlOf(cluster, name) },
    remove: () => administer(cluster, `drop database ${name} with (force)`),
  };
}

/** A statement as the owner of the cluster, in a database of nobody's. */
async function administer(cluster: ClusterPlace, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(cluster, 'postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

const databaseIn = (url: string): string => new pg.Client({ connectionString: url }).database ?? '';
const urlOf = ({ folder }: ClusterPlace, database: string): string =>
  `postgres://veritas@/${database}?host=${encodeURIComponent(folder)}`;

async function startedCluster(): Promise<ClusterPlace> {
  const cluster = clusterPlace();
  if (!cluster) throw new Error('there is no PostgreSQL here');
  const { folder } = cluster;
  try {
    mkdirSync(join(folder, 'lock'));
    await startCluster(cluster, folder);
    await writeFile(join(folder, 'ready'), '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  // Another spec of this run is starting it.
  for (let waited = 0; !existsSync(join(folder, 'ready')); waited += 20) {
    if (waited > 15_000) throw new Error(`PostgreSQL did not start: see ${join(folder, 'log')}`);
    await setTimeout(20);
  }
  return cluster;
}

const owner = ({ uid, gid }: ClusterPlace) => (uid === undefined || gid === undefined ? {} : { uid, gid });

/** Makes and starts a server in `folder`, reached by its socket there; it ends when the run does, however that ends. */
async function startCluster(cluster: ClusterPlace, folder: string): Promise<void> {
  const { bin, uid, gid, pid } = cluster;
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
  const data = join(folder, 'data');
  await promisify(execFile)(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'veritas', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync', '--no-instructions'],
    { ...owner(cluster), cwd: '/' },
  );
  // Not the durability of a disk is looked at here, but what the product asks of the database.
  const settings = {
    listen_addresses: '',
    unix_socket_directories: folder,
    fsync: 'off',
    full_page_writes: 'off',
    shared_buffers: '16MB',
    max_connections: '60',
  };
  const flags = Object.entries(settings).map(([key, value]) => `-c ${key}=${value}`);
  const log = openSync(join(folder, 'log'), 'a', 0o644);
  const watch = `"$1" -D "$2" ${flags.join(' ')} & while ps -p "$3" >/dev/null && kill -0 $!; do sleep 0.5; done; kill -QUIT $!`;
  spawn('sh', ['-c', watch, 'sh', join(bin, 'postgres'), data, String(pid)], {
    ...owner(cluster),
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
  }).unref();
  for (let waited = 0; ; waited += 20) {
    try {
      await administer(cluster, 'select 1');
      return;
    } catch (error) {
      if (waited > 15_000) throw error;
      await setTimeout(20);
    }
  }
}
