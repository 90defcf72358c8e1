import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { callerOf, csrOf, newKey, send } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { temporaryFolder } from '../support/folder.js';
import { connected, OwnServer } from '../support/postgres-server.js';
import { describeOnPostgres } from '../support/postgres.js';
import { freePort } from '../support/free-port.js';
import { startIn } from '../support/service.js';

const PATH = '/api/v1/certificates';
const PASSWORD = 'pooled';

describeOnPostgres('two nodes behind PgBouncer, a session for each connection', () => {
  const folder = temporaryFolder();
  let server: OwnServer;
  let pooler: ChildProcess;
  let url: string;
  const nodes: Awaited<ReturnType<typeof startIn>>[] = [];
  beforeAll(async () => {
    server = await OwnServer.start();
    await server.query(`create role veritas login password '${PASSWORD}'`);
    await server.query('create database pki owner veritas');
    const port = await freePort();
    url = server.url('pki', 'veritas', PASSWORD).replace(`:${server.port}/`, `:${port}/`);
    const settings = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'plain',
      auth_file: join(folder, 'users'),
      pool_mode: 'session',
      default_pool_size: 40,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    writeFileSync(join(folder, 'users'), `"veritas" "${PASSWORD}"\n`);
    writeFileSync(
      join(folder, 'pgbouncer.ini'),
      `[databases]\npki = host=127.0.0.1 port=${server.port}\n[pgbouncer]\n${lines.join('\n')}\n`,
    );
    // It does not run as root.
    const { uid, gid } = server.binaries;
    chmodSync(folder, 0o755);
    if (uid !== undefined && gid !== undefined) chownSync(join(folder, 'users'), uid, gid);
    pooler = spawn('pgbouncer', ['-q', join(folder, 'pgbouncer.ini')], {
      ...(uid === undefined || gid === undefined ? {} : { uid, gid }),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const isThere = (): Promise<boolean> => connected(url, () => Promise.resolve(true)).catch(() => false);
    while (pooler.exitCode === null && !(await isThere())) await delay(20);
  });
  afterAll(async () => {
    for (const node of nodes) await node.close();
    const ended = once(pooler, 'exit');
    pooler.kill('SIGKILL');
    await ended;
    await server.remove();
    rmSync(folder, { recursive: true });
  });

  test('issue for each other, and tell each other what is revoked', async () => {
    const settings = (): Record<string, string> => {
      const file = join(temporaryFolder(), 'store-url');
      writeFileSync(file, url, { mode: 0o600 });
      // They look once an hour: what they know before, they were told.
      return {
        VERITAS_STORE_URL_FILE: file,
        VERITAS_STORE_POLL_INTERVAL: '1h',
        VERITAS_STORE_UNREAD_LIMIT: '2h',
      };
    };
    const first = await startIn(temporaryFolder(), settings());
    nodes.push(first);
    const copy = temporaryFolder();
    cpSync(join(first.folder, 'certs'), join(copy, 'certs'), { recursive: true });
    const second = await startIn(copy, settings());
    nodes.push(second);
    const admin = await callerOf(first, 'admin-client');
    const client = await callerOf(first, 'test-client');
    const body = { csr: csrOf(newKey(), 'veritas-worker'), profile: 'client' };
    const issued = await send(second.ports.https, { method: 'POST', path: PATH, tls: admin.tls, body });
    expect(issued.status).toBe(201);

    expect((await get(first.ports.https, `${PATH}/${String(issued.json.serial_number)}`, admin.tls)).status).toBe(200);

    expect((await get(second.ports.https, '/api/v1/test', client.tls)).status).toBe(200);
    const revoke = {
      method: 'POST',
      path: `${PATH}/${client.serialNumber}/revocation`,
      tls: admin.tls,
      body: { reason: 'keyCompromise' },
    };
    expect((await send(first.ports.https, revoke)).status).toBe(200);
    while ((await get(second.ports.https, '/api/v1/test', client.tls)).status === 200) await delay(10);
    expect((await get(second.ports.https, '/api/v1/test', client.tls)).json).toMatchObject({
      code: 'certificate_revoked',
    });
  });
});
