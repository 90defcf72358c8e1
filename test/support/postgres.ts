import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { describe } from '@jest/globals';
import { migrateStore, type StoreOptions } from '../../src/store/index.js';
import { postgresDdl } from '../../src/store/postgres-ddl.js';
import { temporaryFolder } from './folder.js';
import { clusterPlace, type ClusterPlace } from './postgres-cluster.js';
import { connected, makeServer, socketUrl, startServer } from './postgres-server.js';

/** A store's place of its own, for one spec. */
export interface StorePlace {
  /** For the files beside it. */
  readonly folder: string;
  readonly options: StoreOptions;
  /** Statements of whoever owns the database, past the product; those of the schema in SQLite's words, as the migrations are. */
  readonly execute: (...statements: readonly string[]) => Promise<void>;
  /** What a statement gives, on a connection of its own; of parameters `$1`, `$2` … */
  readonly query: (statement: string, ...parameters: readonly unknown[]) => Promise<readonly Row[]>;
  /** Takes a guard of the schema away, as whoever tampers would. */
  readonly dropTrigger: (name: string) => Promise<void>;
  /** A place with a copy of what is in this one, which nobody has open. */
  readonly copy: () => Promise<StorePlace>;
  readonly remove: () => Promise<void>;
}

type Row = Readonly<Record<string, unknown>>;

export type StoreKind = 'SQLite' | 'PostgreSQL';

/** A place of its own: for a new store, or for whatever is put there. */
export type NewPlace = (what?: 'store' | 'nothing') => Promise<StorePlace>;

/** The same specs on a SQLite file and on a PostgreSQL database; the second half is skipped where there is no PostgreSQL. */
export function describeOnEachStore(what: string, specs: (kind: StoreKind, newPlace: NewPlace) => void): void {
  describe(`${what}, on SQLite`, () => {
    specs('SQLite', () => sqlitePlace());
  });
  describeOnPostgres(`${what}, on PostgreSQL`, () => {
    specs('PostgreSQL', (content = 'store') =>
      postgresPlace(temporaryFolder(), content === 'store' ? EMPTY_STORE : undefined),
    );
  });
}

/** A database with the newest schema and nothing in it: to copy it takes a third of the time that every migration takes. */
export const EMPTY_STORE = 'veritas_empty_store';

/** Specs of PostgreSQL alone; skipped where there is none. */
export const describeOnPostgres: (name: string, specs: () => void) => void = clusterPlace() ? describe : describe.skip;

const SQLITE_BUSY = 5;
const RETRY_MS = 5;
const BUSY_MS = 10_000;

/** A SQLite file that is made when it is opened. */
export function sqlitePlace(folder = temporaryFolder()): Promise<StorePlace> {
  const path = join(folder, 'var/veritas.db');
  // What is thrown is a rejection, as that of a server is.
  const opened = async <T>(work: (database: DatabaseSync) => T): Promise<T> => {
    const database = new DatabaseSync(path);
    try {
      return await Promise.resolve(work(database));
    } finally {
      database.close();
    }
  };
  /** Not by SQLite's own timeout: a transaction of this process goes on by the event loop. */
  const whenFree = async <T>(work: (database: DatabaseSync) => T): Promise<T> => {
    for (let waited = 0; ; waited += RETRY_MS) {
      try {
        return await opened(work);
      } catch (error) {
        if ((error as { errcode?: number }).errcode !== SQLITE_BUSY || waited > BUSY_MS) throw error;
      }
      await setTimeout(RETRY_MS);
    }
  };
  const execute = (...statements: readonly string[]): Promise<void> => {
    mkdirSync(dirname(path), { recursive: true });
    return opened((database) => {
      for (const statement of statements) database.exec(statement);
    });
  };
  return Promise.resolve({
    folder,
    options: { path },
    execute,
    query: (statement, ...parameters) =>
      whenFree((database) =>
        database.prepare(statement.replaceAll(/\$(?=\d)/g, '?')).all(...(parameters as SQLInputValue[])),
      ),
    dropTrigger: (name) => execute(`drop trigger ${name}`),
    copy: () => sqlitePlace(copyOf(folder)),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
      return Promise.resolve();
    },
  });
}

const copyOf = (folder: string): string => {
  const copy = temporaryFolder();
  cpSync(folder, copy, { recursive: true });
  return copy;
};

/** A database in the run's cluster, which the first to ask starts: empty, or a copy of `copied`. */
export async function postgresPlace(folder = temporaryFolder(), copied = 'template0'): Promise<StorePlace> {
  const cluster = await startedCluster();
  const name = `veritas_${randomBytes(6).toString('hex')}`;
  // By its files: by itself a server of 15 or later writes all of it into its log first, which takes several times as long.
  const strategy = Number(/\d+/.exec(cluster.version)) >= 15 ? 'strategy file_copy' : '';
  await administer(cluster, `create database ${name} template ${copied} ${strategy}`);
  const url = urlOf(cluster, name);
  const execute = (...statements: readonly string[]): Promise<void> =>
    connected(url, async (client) => {
      for (const statement of statements)
        await client.query(postgresDdl(statement).replaceAll(/(?<=[ (])x'([0-9a-f]*)'/g, String.raw`'\x$1'`));
    });
  return {
    folder,
    options: { url },
    execute,
    query: (statement, ...parameters) =>
      connected(url, async (client) => (await client.query<Row>(statement, [...parameters])).rows),
    // The trigger goes with the function that it calls.
    dropTrigger: (trigger) => execute(`drop function ${trigger} cascade`),
    copy: () => postgresPlace(copyOf(folder), name),
    remove: async () => {
      await administer(cluster, `drop database ${name} with (force)`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A statement as the owner of the cluster, in a database of nobody's. */
const administer = (cluster: ClusterPlace, statement: string): Promise<unknown> =>
  connected(urlOf(cluster, 'postgres'), (client) => client.query(statement));

const urlOf = ({ folder }: ClusterPlace, database: string): string => socketUrl(folder, database);

async function startedCluster(): Promise<ClusterPlace> {
  const cluster = clusterPlace();
  if (!cluster) throw new Error('there is no PostgreSQL here');
  const { folder } = cluster;
  try {
    mkdirSync(join(folder, 'lock'));
    await makeServer(cluster, folder);
    await startServer(cluster, folder, { listen_addresses: '' });
    await administer(cluster, `create database ${EMPTY_STORE} template template0`);
    await migrateStore({ url: urlOf(cluster, EMPTY_STORE) });
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
