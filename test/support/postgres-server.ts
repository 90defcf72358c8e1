import { execFile, spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { chmod, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { temporaryFolder } from './folder.js';
import { freePort } from './free-port.js';
import { clusterPlace, type ClusterPlace } from './postgres-cluster.js';

/** Whose programs run a server, and until when. */
type Binaries = Pick<ClusterPlace, 'bin' | 'uid' | 'gid' | 'pid'>;

const owner = ({ uid, gid }: Binaries) => (uid === undefined || gid === undefined ? {} : { uid, gid });

/** Work on a connection of its own. */
export async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The database as its owner reaches it, by the socket in `folder` and without a password. */
export const socketUrl = (folder: string, database: string, port = 5432): string =>
  `postgres:///${database}?user=postgres&port=${port}&host=${encodeURIComponent(folder)}`;

/** Makes the files of a server in `folder`; over TCP a password is asked for. */
export async function makeServer(binaries: Binaries, folder: string): Promise<void> {
  const { bin, uid, gid } = binaries;
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
  const access = ['-U', 'postgres', '--auth-local=trust', '--auth-host=scram-sha-256'];
  const rest = ['-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
  await promisify(execFile)(join(bin, 'initdb'), ['-D', join(folder, 'data'), ...access, ...rest], {
    ...owner(binaries),
    cwd: '/',
  });
}

/** Starts the server in `folder`, reached by its socket there; it ends when the run does, however that ends. */
export async function startServer(
  binaries: Binaries,
  folder: string,
  { port = 5432, ...more }: { readonly port?: number } & Readonly<Record<string, string | number>>,
): Promise<void> {
  const { bin, pid } = binaries;
  // Not the durability of a disk is looked at here, but what the product asks of the database.
  const settings = {
    unix_socket_directories: folder,
    fsync: 'off',
    full_page_writes: 'off',
    shared_buffers: '16MB',
    // Of some hundred databases one would be looked at each tenth of a second.
    autovacuum: 'off',
    max_connections: '60',
    port,
    ...more,
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const log = openSync(join(folder, 'log'), 'a', 0o644);
  const watch = `pid=$1; shift; "$@" & while ps -p "$pid" >/dev/null && kill -0 $!; do sleep 0.5; done; kill -QUIT $!`;
  const data = join(folder, 'data');
  spawn('sh', ['-c', watch, 'sh', String(pid), join(bin, 'postgres'), '-D', data, ...flags], {
    ...owner(binaries),
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
  }).unref();
  for (let waited = 0; ; waited += 20) {
    try {
      await connected(socketUrl(folder, 'postgres', port), (client) => client.query('select 1'));
      return;
    } catch (error) {
      if (waited > 15_000) throw error;
      await setTimeout(20);
    }
  }
}

/** A server of one spec's own, which it may stop; over TCP on 127.0.0.1 with a password, and TLS when there is a pair for it. */
export class OwnServer {
  private constructor(
    readonly binaries: Binaries,
    readonly folder: string,
    readonly port: number,
    readonly more: Readonly<Record<string, string>>,
  ) {}

  /** `pair`: certificate chain and key of the server, PEM. */
  static async start(pair?: { readonly chainPem: string; readonly keyPem: string }): Promise<OwnServer> {
    const binaries = clusterPlace();
    if (!binaries) throw new Error('there is no PostgreSQL here');
    const folder = temporaryFolder();
    await makeServer(binaries, folder);
    const own = async (name: string, text: string): Promise<string> => {
      const path = join(folder, name);
      await writeFile(path, text, { mode: 0o600 });
      if (binaries.uid !== undefined && binaries.gid !== undefined) await chown(path, binaries.uid, binaries.gid);
      return path;
    };
    const tls = pair && {
      ssl: 'on',
      ssl_cert_file: await own('server.pem', pair.chainPem),
      ssl_key_file: await own('server.key', pair.keyPem),
    };
    const server = new OwnServer(binaries, folder, await freePort(), { listen_addresses: '127.0.0.1', ...tls });
    // The root of the tests keeps what it makes to itself; the server is another user.
    await chmod(folder, 0o700);
    await server.startAgain();
    return server;
  }

  /** As its owner, without a password. */
  query(statement: string, database = 'postgres'): Promise<pg.QueryResult> {
    return connected(socketUrl(this.folder, database, this.port), (client) => client.query(statement));
  }

  /** Over TCP, as anybody else. */
  url(database: string, user: string, password: string): string {
    return `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}`;
  }

  startAgain(): Promise<void> {
    return startServer(this.binaries, this.folder, { port: this.port, ...this.more });
  }

  /** Without a word to anybody (`SIGQUIT`, pg_ctl's `immediate`), or in order (`SIGINT`, its `fast`). */
  async stop(signal: 'SIGQUIT' | 'SIGINT' = 'SIGQUIT'): Promise<void> {
    const pidFile = join(this.folder, 'data/postmaster.pid');
    if (!existsSync(pidFile)) return;
    process.kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]), signal);
    while (existsSync(pidFile)) await setTimeout(10);
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
