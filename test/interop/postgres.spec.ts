import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CERTIFICATION_AUTHORITY, type CertificationAuthority } from '../../src/pki/nest/index.js';
import { migrateStore } from '../../src/store/index.js';
import { decodeCertificateList } from '../../src/x509/index.js';
import { callerOf, csrOf, newKey, send, withCertificate, type Caller } from '../support/certificate-client.js';
import { get, RawConnection, type Answer } from '../support/client.js';
import { compileProgram } from '../support/compiled-program.js';
import { temporaryFolder } from '../support/folder.js';
import { OwnServer } from '../support/postgres-server.js';
import { describeOnPostgres, postgresPlace, type StorePlace } from '../support/postgres.js';
import { developmentTls, environmentIn, getPlain, startIn } from '../support/service.js';
import { somebody } from '../support/temporary-authority.js';

type Node = Awaited<ReturnType<typeof startIn>>;

const PATH = '/api/v1/certificates';
const authorityOf = ({ application }: Node): CertificationAuthority =>
  application.get<CertificationAuthority>(CERTIFICATION_AUTHORITY, { strict: false });
const call = ({ ports }: Node, path: string, { tls }: Pick<Caller, 'tls'>): Promise<Answer> =>
  get(ports.https, path, tls);
const post = ({ ports }: Node, path: string, { tls }: Pick<Caller, 'tls'>, body: object): Promise<Answer> =>
  send(ports.https, { method: 'POST', path, tls, body });
const issue = (node: Node, caller: Caller, service = 'veritas-worker'): Promise<Answer> =>
  post(node, PATH, caller, { csr: csrOf(newKey(), service), profile: 'client' });

/** Waits until `isSo`, which the test's timeout bounds. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(10);
}

/** The settings of a node whose store is at `url`. */
function storeAt(url: string, more: Record<string, string> = {}): Record<string, string> {
  const file = join(temporaryFolder(), 'store-url');
  writeFileSync(file, `${url}\n`, { mode: 0o600 });
  return { VERITAS_STORE_URL_FILE: file, ...more };
}

describeOnPostgres('two nodes on one PostgreSQL', () => {
  let place: StorePlace;
  let nodes: readonly [Node, Node];
  let admin: Caller;
  beforeAll(async () => {
    place = await postgresPlace();
    const { url = '' } = place.options;
    const rates = { VERITAS_MTLS_RATES: '[{"service":"test-client","perSecond":0.01,"burst":20}]' };
    const first = await startIn(temporaryFolder(), storeAt(url, rates));
    const folder = temporaryFolder();
    cpSync(join(first.folder, 'certs'), join(folder, 'certs'), { recursive: true });
    // It asks once an hour: what it knows before, it was told.
    const hourly = { VERITAS_STORE_POLL_INTERVAL: '1h', VERITAS_STORE_UNREAD_LIMIT: '2h', ...rates };
    nodes = [first, await startIn(folder, storeAt(url, hourly))];
    admin = await callerOf(first, 'admin-client');
  });
  afterAll(async () => {
    for (const node of nodes) {
      await node.close();
      rmSync(node.folder, { recursive: true });
    }
    await place.remove();
  });

  test('the rate of a service is one, whichever node it asks', async () => {
    const [a, b] = nodes;
    const client = await callerOf(a, 'test-client');
    for (let i = 0; i < 20; i++) expect((await call(a, '/api/v1/test', client)).status).toBe(200);
    expect((await call(a, '/api/v1/test', client)).json).toMatchObject({ code: 'rate_limited' });
    // What was spent is told ten times a second; of what b gives until then it has the rest.
    await until(async () => (await call(b, '/api/v1/test', client)).status === 429);
    expect((await call(b, '/api/v1/test', admin)).status).toBe(200);
  });

  test('what one issues the other serves, lists and renews; both are healthy', async () => {
    const [a, b] = nodes;
    const key = newKey();
    const issued = await post(a, PATH, admin, { csr: csrOf(key, 'veritas-worker'), profile: 'client' });
    expect(issued.status).toBe(201);
    const holder = withCertificate(a.folder, key, String(issued.json.chain));
    expect(await call(b, '/api/v1/whoami', holder)).toMatchObject({ status: 200, json: { service: 'veritas-worker' } });
    const { certificates } = (await call(b, `${PATH}?service=veritas-worker`, admin)).json;
    expect(certificates).toMatchObject([{ serial_number: issued.json.serial_number }]);
    const renewed = await post(b, `${PATH}/renewal`, holder, { csr: csrOf(newKey(), 'veritas-worker') });
    expect(renewed.status).toBe(201);
    for (const node of nodes)
      expect(await call(node, '/health', admin)).toMatchObject({
        status: 200,
        json: { parts: { store: { state: 'up' } } },
      });
  });

  test('a node that was not given the keys does not start', async () => {
    await expect(startIn(temporaryFolder(), storeAt(place.options.url ?? ''))).rejects.toMatchObject({
      code: 'authority_mismatch',
    });
  });

  test('a revocation on one is refused by the other at the next request, because it is told', async () => {
    const [a, b] = nodes;
    const holder = await callerOf(a, 'veritas-worker');
    const connection = await RawConnection.open(b.ports.https, holder.tls);
    expect((await connection.get('/api/v1/test')).status).toBe(200);
    const known = new Promise((resolve) => authorityOf(b).events.on('revocations.changed', resolve));
    const { status } = await post(a, `${PATH}/${holder.serialNumber}/revocation`, admin, { reason: 'keyCompromise' });
    expect(status).toBe(200);
    await known;
    expect(await connection.get('/api/v1/test')).toMatchObject({ status: 403, json: { code: 'certificate_revoked' } });
    await connection.untilClosed();
    // The list of both has it, whoever signed that.
    for (const { ports } of nodes)
      await until(async () =>
        [
          ...decodeCertificateList((await getPlain(ports.repository!, '/crl/issuing.crl')).body).revokedCertificates(),
        ].some(({ serialNumber }) => serialNumber === holder.serialNumber),
      );
  });

  test('a service that one denies the other refuses at the next request, because it is told', async () => {
    const [a, b] = nodes;
    const holder = await callerOf(a, 'veritas-agent');
    const connection = await RawConnection.open(b.ports.https, holder.tls);
    expect((await connection.get('/api/v1/test')).status).toBe(200);
    const known = new Promise((resolve) => authorityOf(b).events.on('services.changed', resolve));
    const body = { state: 'denied' };
    const path = '/api/v1/services/veritas-agent';
    expect((await send(a.ports.https, { method: 'PUT', path, tls: admin.tls, body })).status).toBe(200);
    expect(await known).toMatchObject({ names: ['veritas-agent'] });
    expect(await connection.get('/api/v1/test')).toMatchObject({ status: 403, json: { code: 'service_not_allowed' } });
    connection.close();
  });

  test('without its listener a node finds out when it asks', async () => {
    const [a, b] = nodes;
    const holder = await callerOf(b, 'veritas-worker');
    await place.query(`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%'`);
    expect((await post(b, `${PATH}/${holder.serialNumber}/revocation`, admin, {})).status).toBe(200);
    // Asks every 20 milliseconds; listens again after a second.
    await until(async () => (await call(a, '/api/v1/test', holder)).status === 403);
  });

  test('lists forced on both have numbers that rise and are taken one by one, serial numbers are unique, and the record is one chain', async () => {
    const BUILDS = 40;
    const authorities = nodes.map(authorityOf);
    const work = authorities.flatMap(({ crls }, node) =>
      Array.from({ length: BUILDS }, async (_, i) => {
        await crls.sign('issuing', somebody);
        if (i % 4 === 0) await callerOf(nodes[node]!, 'veritas-worker');
      }),
    );
    await Promise.all(work);
    const numbersOf = async (phase: string) => {
      const details = await place.query(
        `select detail from audit where action = 'crl.sign' and phase = '${phase}' and subject = 'issuing' and detail like '%number%' order by sequence`,
      );
      return details.map(({ detail }) => Number((JSON.parse(String(detail)) as { number: string }).number));
    };
    const taken = await numbersOf('intent');
    expect(taken.length).toBeGreaterThanOrEqual(2 * BUILDS);
    expect(taken).toEqual(taken.map((_, index) => index + 1));
    // A list is not put in the place of a newer one that the other node signed meanwhile.
    const placed = await numbersOf('result');
    expect(placed.length).toBeGreaterThan(BUILDS);
    expect(placed).toEqual([...new Set(placed)].sort((a, b) => a - b));
    const issued = await place.query(
      `select subject from audit where action = 'certificate.issue' and phase = 'result'`,
    );
    expect(new Set(issued.map(({ subject }) => subject)).size).toBe(issued.length);
    for (const { audit } of authorities) expect(await audit.verify()).toMatchObject({ ok: true });
    // Both come to serve the same octets, the last ones.
    const [{ der } = {}] = await place.query(
      `select der from crl where issuer = 'issuing' order by number desc limit 1`,
    );
    for (const { ports } of nodes)
      await until(async () => (await getPlain(ports.repository!, '/crl/issuing.crl')).body.equals(der as Buffer));
  });

  test('a token that is traded on both at once is good once, and an Idempotency-Key on both at once gives one certificate', async () => {
    const { token } = await authorityOf(nodes[0]).enrollment.createToken({
      service: 'veritas-worker',
      requester: somebody,
    });
    const traded = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        send(nodes[i % 2]!.ports.https, {
          method: 'POST',
          path: `${PATH}/enrollment`,
          tls: developmentTls(nodes[0].folder),
          body: { csr: csrOf(newKey(), 'veritas-worker') },
          headers: { authorization: `Bearer ${token}` },
        }),
      ),
    );
    expect(traded.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(5).fill(401)]);
    const csr = csrOf(newKey(), 'veritas-worker');
    const again = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        send(nodes[i % 2]!.ports.https, {
          method: 'POST',
          path: PATH,
          tls: admin.tls,
          body: { csr },
          headers: { 'idempotency-key': 'once' },
        }),
      ),
    );
    expect(again.map(({ status }) => status)).toEqual(Array(6).fill(201));
    expect(new Set(again.map(({ json }) => json.serial_number)).size).toBe(1);
  });

  test('a rollover on one is followed by the other, which was given the new key', async () => {
    const [a, b] = nodes;
    const take = (step: 'prepare' | 'publish' | 'activate') =>
      authorityOf(a).rollover.take({ step, requester: somebody });
    await take('prepare');
    cpSync(join(a.folder, 'certs/ca'), join(b.folder, 'certs/ca'), { recursive: true });
    await take('publish');
    await take('activate');
    const ca = authorityOf(b).ca;
    await until(() => ca.authorities.find(({ id }) => id === 'issuing-2')?.state === 'active');
    expect(ca.issuing.id).toBe('issuing-2');
    expect(await issue(b, admin)).toMatchObject({ status: 201 });
    await until(async () => (await getPlain(b.ports.repository!, '/crl/issuing-2.crl')).status === 200);
  });
});

describeOnPostgres('a database that is gone', () => {
  let server: OwnServer;
  let node: Node;
  let admin: Caller;
  beforeAll(async () => {
    server = await OwnServer.start();
    await server.query(`create role service login password 'hunter2'`);
    await server.query('create database pki owner service');
    const settings = storeAt(server.url('pki', 'service', 'hunter2'), { VERITAS_STORE_UNREAD_LIMIT: '1s' });
    node = await startIn(temporaryFolder(), settings);
    admin = await callerOf(node, 'admin-client');
  });
  afterAll(async () => {
    await node.close();
    await server.remove();
    rmSync(node.folder, { recursive: true });
  });
  const health = () => call(node, '/health', admin);

  test('the guard decides from memory for a while and then refuses, issuing says 503, and all comes back by itself', async () => {
    const acknowledged: string[] = [];
    let stopped = false;
    const issueAll = async (): Promise<void> => {
      while (!stopped) {
        const { status, json } = await issue(node, admin);
        if (status === 201) acknowledged.push(String(json.serial_number));
        else expect([status, json.code]).toEqual([503, 'store_unavailable']);
      }
    };
    const issuing = [issueAll(), issueAll()];
    await until(() => acknowledged.length > 10);
    await server.stop('SIGQUIT');
    const answers = [await call(node, '/api/v1/test', admin)];
    stopped = true;
    await Promise.all(issuing);
    const refused = await issue(node, admin);
    expect(refused).toMatchObject({
      status: 503,
      json: { code: 'store_unavailable', type: 'urn:veritas:problem:store_unavailable' },
    });
    expect(refused.text).not.toMatch(/hunter2|127\.0\.0\.1|pki/);
    expect(await health()).toMatchObject({ status: 503, json: { parts: { store: { state: 'down' } } } });
    do answers.push(await call(node, '/api/v1/test', admin));
    while (answers.at(-1)?.status === 200);
    expect(answers[0]?.status).toBe(200);
    expect(answers.at(-1)).toMatchObject({ status: 403, json: { code: 'revocation_unknown' } });

    await server.startAgain();
    await until(async () => (await health()).status === 200);
    await until(async () => (await call(node, '/api/v1/test', admin)).status === 200);
    expect(await issue(node, admin)).toMatchObject({ status: 201 });
    const { ca, audit } = authorityOf(node);
    for (const serial of acknowledged) expect(await ca.find(serial)).toMatchObject({ status: 'active' });
    expect(await audit.verify()).toMatchObject({ ok: true });
  });

  test('connections that are killed while it serves cost a few answers, and nothing that was acknowledged', async () => {
    const acknowledged: string[] = [];
    for (let i = 0; i < 10; i++) {
      const [answer] = await Promise.all([
        issue(node, admin),
        server.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'veritas'`),
      ]);
      expect([201, 503]).toContain(answer.status);
      if (answer.status === 201) acknowledged.push(String(answer.json.serial_number));
    }
    await until(async () => (await issue(node, admin)).status === 201);
    const { ca, audit } = authorityOf(node);
    for (const serial of acknowledged) expect(await ca.find(serial)).toMatchObject({ status: 'active' });
    expect(await audit.verify()).toMatchObject({ ok: true });
  });
});

describeOnPostgres('the password of the database', () => {
  const password = 'hunter2/ä';
  let server: OwnServer;
  let folder: string;
  beforeAll(async () => {
    server = await OwnServer.start();
    // What docs/operations.md tells an operator to type, with other passwords.
    const [, first = '', , second = ''] =
      /```sql\n([^`]*create database[^`]*)```([^]*?)```sql\n([^`]*grant[^`]*)```/.exec(
        readFileSync('docs/operations.md', 'utf8'),
      ) ?? [];
    for (const statement of statementsIn(first)) await server.query(statement);
    await migrateStore({ url: server.url('veritas', 'veritas_owner', password) });
    for (const statement of statementsIn(second)) await server.query(statement, 'veritas');
    folder = temporaryFolder();
    compileProgram(folder);
  }, 60_000);
  afterAll(async () => {
    await server.remove();
    rmSync(folder, { recursive: true });
  });

  const statementsIn = (text: string): string[] =>
    text
      .replaceAll(/--.*$/gm, '')
      .replaceAll(/password '[^']*'/g, `password '${password}'`)
      .split(';')
      .filter((statement) => statement.trim() !== '');

  /** The service as a process, and everything that it writes. */
  function start(url: string) {
    const more = storeAt(url, { VERITAS_LOG_LEVEL: 'trace' });
    const env = { PATH: process.env.PATH, ...environmentIn(folder, more) };
    const child = spawn(process.execPath, [join(folder, 'dist/main.js')], { cwd: folder, env });
    let written = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (written += text));
    return { child, ended: once(child, 'close'), written: () => written };
  }

  test('is in nothing that the program writes, whatever happens', async () => {
    const wrong = start(server.url('veritas', 'veritas', `${password}, not`));
    expect(await wrong.ended).toEqual([1, null]);
    expect(wrong.written()).toBe(
      `veritas: the store postgres://127.0.0.1:${server.port}/veritas cannot be used: password authentication failed for user "veritas" (store.urlFile names it).\n`,
    );
    const right = start(server.url('veritas', 'veritas', password));
    await until(() => right.written().includes('Veritas listens on'));
    await server.stop();
    await until(() => right.written().includes('background_failed'));
    await server.startAgain();
    right.child.kill('SIGTERM');
    expect(await right.ended).toEqual([0, null]);
    expect(right.written()).toMatch(
      /"event":"background_failed","task":"revocation.poll","reason":"the store postgres:.* cannot be used: /,
    );
    for (const secret of ['hunter2', encodeURIComponent(password)]) expect(right.written()).not.toContain(secret);
  }, 60_000);
});
