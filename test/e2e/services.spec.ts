import { createPublicKey, hash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkExemptPaths, describedRoutes } from '../../src/bindings/described-routes.js';
import { REFUSALS } from '../../src/mtls/index.js';
import { CaService, requestFor } from '../../src/pki/index.js';
import { TestCa } from '../../src/testing/index.js';
import { decodeCertificate, decodePem } from '../../src/x509/index.js';
import { commandLine } from '../support/command-line.js';
import { callerOf, csrOf, newKey, send, withCertificate, type Caller } from '../support/certificate-client.js';
import { clientTls, get, RawConnection, type Answer } from '../support/client.js';
import { temporaryFolder, writeFiles } from '../support/folder.js';
import { developmentTls, environmentIn, startIn } from '../support/service.js';
import { somebody } from '../support/temporary-authority.js';

type Node = Awaited<ReturnType<typeof startIn>>;
type Holder = Pick<Caller, 'tls'>;

const PATH = '/api/v1/services';
const pathOf = (name: string): string => `${PATH}/${encodeURIComponent(name)}`;
const call = ({ ports }: Node, path: string, { tls }: Holder): Promise<Answer> => get(ports.https, path, tls);
const change = (
  { ports }: Node,
  method: 'PUT' | 'DELETE',
  name: string,
  { tls }: Holder,
  { body, ...headers }: { body?: object } & Record<string, unknown> = {},
): Promise<Answer> =>
  send(ports.https, {
    method,
    path: pathOf(name),
    tls,
    ...(body ? { body } : {}),
    headers: headers as Record<string, string>,
  });
const refusal = ({ status, json }: Answer): unknown => [status, json.code];

/** Runs the command line on the store of a node, as an operator beside it would. */
async function veritas({ folder }: { readonly folder: string }, ...args: string[]) {
  const said = await commandLine(args, environmentIn(folder), {
    routes: (configuration) => Promise.resolve(describedRoutes(configuration)),
  });
  return { ...said, json: () => JSON.parse(said.out) as Record<string, unknown>[] & Record<string, unknown> };
}

/** Waits until `isSo`, which the test's timeout bounds; gives how long that took in milliseconds. */
async function until(isSo: () => Promise<boolean>): Promise<number> {
  const start = performance.now();
  while (!(await isSo())) await delay(10);
  return performance.now() - start;
}

/** A certificate of the running CA with a SPIFFE ID. */
async function spiffeCaller({ application, folder }: Node, service: string, id: string): Promise<Holder> {
  const key = newKey();
  const { chainPem } = await application.get(CaService, { strict: false }).issue({
    request: requestFor(key, service),
    profile: 'service',
    service,
    names: [{ kind: 'uri', value: id }],
    requester: somebody,
  });
  return withCertificate(folder, key, chainPem);
}

/** SHA-256 of a caller's public key. */
const pinOf = ({ key }: Caller): string => hash('sha256', createPublicKey(key).export({ format: 'der', type: 'spki' }));

let node: Node;
let admin: Caller;
let worker: Caller;
beforeAll(async () => {
  node = await startIn();
  admin = await callerOf(node, 'admin-client');
  worker = await callerOf(node, 'veritas-worker');
});
afterAll(() => node.close());

describe('over HTTP', () => {
  test('an entry is made, read, changed on its version, and removed', async () => {
    const made = await change(node, 'PUT', 'billing', admin, { body: { state: 'allowed', roles: ['auditor'] } });
    expect([made.status, made.headers.etag, made.headers.location]).toEqual([201, '"1"', pathOf('billing')]);
    expect(made.json).toMatchObject({ name: 'billing', source: 'registry', version: 1, changed_by: 'admin-client' });
    const again = await change(node, 'PUT', 'billing', admin, { body: { state: 'allowed', roles: ['auditor'] } });
    expect([again.status, again.headers.etag, again.headers.location]).toEqual([200, '"1"', undefined]);
    const read = await call(node, pathOf('billing'), admin);
    expect([read.status, read.headers.etag, read.json]).toEqual([200, '"1"', made.json]);
    const denied = { state: 'denied', note: 'moved away' };
    expect((await change(node, 'PUT', 'billing', admin, { body: denied, 'if-match': '"1"' })).headers.etag).toBe('"2"');
    for (const headers of [{ 'if-match': '"1"' }, { 'if-match': 'W/"2"' }, { 'if-none-match': '*' }])
      expect(refusal(await change(node, 'PUT', 'billing', admin, { body: { state: 'allowed' }, ...headers }))).toEqual([
        412,
        'version_mismatch',
      ]);
    const { json } = await call(node, `${pathOf('billing')}/history`, admin);
    expect(json.changes).toMatchObject([
      { version: 2, terms: { state: 'denied', note: 'moved away', roles: [] }, changed_by: 'admin-client' },
      { version: 1, terms: { state: 'allowed', roles: ['auditor'] } },
    ]);
    expect(refusal(await change(node, 'DELETE', 'billing', admin, { 'if-match': '"1"' }))).toEqual([
      412,
      'version_mismatch',
    ]);
    expect((await change(node, 'DELETE', 'billing', admin, { 'if-match': '"1", "2"' })).json).toEqual({
      name: 'billing',
      holds: null,
    });
    expect(refusal(await change(node, 'DELETE', 'billing', admin))).toEqual([404, 'service_unknown']);
    expect(refusal(await call(node, pathOf('billing'), admin))).toEqual([404, 'service_unknown']);
    expect(refusal(await change(node, 'DELETE', 'veritas-agent', admin))).toEqual([409, 'service_configured']);
  });

  test('the list goes by pages, and names may be SPIFFE IDs of the greatest length', async () => {
    const long = `spiffe://example.org/${'a/'.repeat(1014)}*`;
    expect((await change(node, 'PUT', long, admin, { body: { state: 'allowed' } })).status).toBe(201);
    expect((await call(node, pathOf(long), admin)).json.name).toBe(long);
    const names: string[] = [];
    let cursor = '';
    do {
      const { json } = await call(node, `${PATH}?limit=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, admin);
      names.push(...(json.services as { name: string }[]).map(({ name }) => name));
      cursor = json.next as string;
    } while (cursor);
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(['admin-client', 'veritas-worker', long]));
    expect((await change(node, 'DELETE', long, admin)).status).toBe(200);
    expect((await call(node, `${PATH}?state=denied`, admin)).json).toEqual({ services: [], next: null });
  });

  test('conditions are read as RFC 9110 writes them', async () => {
    const put = (note: string, headers: Record<string, string>): Promise<Answer> =>
      change(node, 'PUT', 'conditional', admin, { body: { state: 'allowed', note }, ...headers });
    await put('a', {});
    for (const tags of ['"a,b"', 'W/"1" , "2"', '"a,1"', '"1,"', ', "b"'])
      expect([tags, (await put('b', { 'if-match': tags })).status]).toEqual([tags, 412]);
    // Both hold only where there is an entry and there is none (§13.2.2).
    for (const match of ['*', '"1"'])
      expect(refusal(await put('b', { 'if-match': match, 'if-none-match': '*' }))).toEqual([412, 'version_mismatch']);
    for (const tags of ['', ',', '"1" "2"', '"1', '1', '*, "1"', '"\u00e91'])
      expect([tags, (await put('b', { 'if-match': tags })).status]).toEqual([tags, 400]);
    expect((await put('b', { 'if-match': ',"a,b",,"1",' })).headers.etag).toBe('"2"');
    await change(node, 'DELETE', 'conditional', admin);
  });

  test('the OpenAPI document says which conditions are read', async () => {
    const { json } = await call(node, '/openapi.json', admin);
    const paths = json.paths as Record<string, Record<string, { parameters: object[] }>>;
    const { put, get: show } = paths[`${PATH}/{name}`] ?? {};
    const patternOf = (parameters: object[] = [], name: string): RegExp => {
      const parameter = parameters.find((each) => 'name' in each && each.name === name);
      return new RegExp((parameter as { schema: { pattern: string } }).schema.pattern, 'u');
    };
    const [match, noneMatch] = [patternOf(put?.parameters, 'If-Match'), patternOf(show?.parameters, 'If-None-Match')];
    const body = { state: 'allowed' };
    await change(node, 'PUT', 'written-down', admin, { body });
    const readable = ['*', '"1"', 'W/"1"', '""', '"1" , W/"a,b"', '"1",,"2"', ', "1",', '"1"\t,\t"2"'];
    for (const tags of [...readable, '', ',', '1', '"1', '"a b"', '"1" "2"', '*, "1"', 'w/"1"', '*,']) {
      const isRead = readable.includes(tags);
      const changed = await change(node, 'PUT', 'written-down', admin, { body, 'if-match': tags });
      const headers = { 'if-none-match': tags };
      const shown = await get(node.ports.https, pathOf('written-down'), admin.tls, 'HTTP/1.1', headers);
      expect([tags, changed.status !== 400, match.test(tags)]).toEqual([tags, isRead, isRead]);
      expect([tags, shown.status !== 400, noneMatch.test(tags)]).toEqual([tags, isRead, isRead]);
    }
    await change(node, 'DELETE', 'written-down', admin);
  });

  test('an entry that the caller has is not sent again', async () => {
    await change(node, 'PUT', 'known', admin, { body: { state: 'allowed' } });
    const read = (tags: string): Promise<Answer> =>
      get(node.ports.https, pathOf('known'), admin.tls, 'HTTP/1.1', { 'if-none-match': tags });
    for (const tags of ['"1"', 'W/"1"', '"0", W/"1"', '*']) {
      const { status, headers, text } = await read(tags);
      expect([tags, status, headers.etag, text]).toEqual([tags, 304, '"1"', '']);
    }
    for (const tags of ['"0"', '"a,1"']) expect([tags, (await read(tags)).json.version]).toEqual([tags, 1]);
    expect(refusal(await read('1'))).toEqual([400, 'bad_request']);
    await change(node, 'DELETE', 'known', admin);
    expect(refusal(await read('*'))).toEqual([404, 'service_unknown']);
  });

  test('a condition with white space around it counts over HTTP/2, as it does over HTTP/1.1', async () => {
    const session = connectHttp2(`https://localhost:${node.ports.https}`, { ...admin.tls });
    for (const [name, value] of [
      ['if-match', ' "1"'],
      ['if-match', '"1"\t'],
      ['if-none-match', 'x '],
    ] as const) {
      const stream = session.request({
        ':method': 'PUT',
        ':path': pathOf('nobody'),
        'content-type': 'application/json',
        [name]: value,
      });
      stream.end('{"state":"allowed"}');
      const [answer] = (await once(stream, 'response')) as [Record<string, unknown>];
      expect([value, answer[':status']]).toEqual([value, name === 'if-match' ? 412 : 400]);
    }
    session.destroy();
  });

  test.each<[string, object, Record<string, string>, string]>([
    ['billing', {}, {}, 'bad_request'],
    ['billing', { state: 'open' }, {}, 'bad_request'],
    ['billing', { state: 'allowed', rolls: [] }, {}, 'bad_request'],
    ['billing', { state: 'allowed', valid_until: 'tomorrow' }, {}, 'bad_request'],
    ['billing', { state: 'allowed' }, { 'if-match': '1' }, 'bad_request'],
    ['billing', { state: 'allowed' }, { 'if-none-match': '"1"' }, 'bad_request'],
    ['billing', { state: 'allowed', valid_until: '9999-12-31T23:59:59-23:59' }, {}, 'registry_terms_malformed'],
    ['billing', { state: 'allowed', roles: ['root'] }, {}, 'registry_terms_malformed'],
    ['billing', { state: 'allowed', pins: ['a'.repeat(64)] }, {}, 'registry_terms_malformed'],
    ['billing', { state: 'allowed', tries: 'denied' }, {}, 'registry_terms_malformed'],
    ['a/b', { state: 'allowed' }, {}, 'registry_name_malformed'],
    ['*', { state: 'allowed' }, {}, 'registry_name_malformed'],
  ])('%s, %j with %j: %s', async (name, body, headers, code) => {
    expect(refusal(await change(node, 'PUT', name, admin, { body, ...headers }))).toEqual([400, code]);
    expect(refusal(await call(node, pathOf('billing'), admin))).toEqual([404, 'service_unknown']);
  });

  test('what stands in the query of a change is not passed over', async () => {
    const [path, body] = [`${pathOf('billing')}?state=denied`, { state: 'allowed' }];
    for (const method of ['PUT', 'DELETE'])
      expect(refusal(await send(node.ports.https, { method, path, tls: admin.tls, body }))).toEqual([
        400,
        'bad_request',
      ]);
  });

  test('without the role admin, or from a page of another site, nothing is read or changed', async () => {
    for (const answer of [
      await call(node, PATH, worker),
      await call(node, pathOf('billing'), worker),
      await call(node, `${pathOf('billing')}/history`, worker),
      await call(node, '/api/v1/shadow-report', worker),
      await change(node, 'PUT', 'veritas-worker', worker, { body: { state: 'allowed', roles: ['admin'] } }),
      await change(node, 'DELETE', 'billing', worker),
      await change(node, 'PUT', 'billing', admin, { body: { state: 'allowed' }, 'sec-fetch-site': 'cross-site' }),
      await change(node, 'DELETE', 'billing', admin, { origin: 'https://evil.example' }),
    ])
      expect(refusal(answer)).toEqual([403, 'route_not_allowed']);
  });
});

test('a denial holds on the next request of a connection that is open, and ends it; others notice nothing', async () => {
  const other = await RawConnection.open(node.ports.https, admin.tls);
  for (let round = 0; round < 2; round++) {
    const connection = await RawConnection.open(node.ports.https, worker.tls);
    expect((await connection.get('/api/v1/test')).status).toBe(200);
    await change(node, 'PUT', 'veritas-worker', admin, { body: { state: 'denied' } });
    expect(refusal(await connection.get('/api/v1/test'))).toEqual([403, 'service_not_allowed']);
    await connection.untilClosed();
    expect((await other.get('/api/v1/test')).status).toBe(200);
    await change(node, 'DELETE', 'veritas-worker', admin);
  }
  other.close();
});

test('a service comes and goes by its validity, with the keys that are pinned', async () => {
  const [one, two] = [await callerOf(node, 'pinned'), await callerOf(node, 'pinned')];
  const pins = [pinOf(one), 'b'.repeat(64)];
  await change(node, 'PUT', 'pinned', admin, { body: { state: 'allowed', pins } });
  expect((await call(node, '/', one)).status).toBe(200);
  expect(refusal(await call(node, '/', two))).toEqual([403, 'service_not_allowed']);
  const ends = new Date(Date.now() + 300).toISOString();
  await change(node, 'PUT', 'pinned', admin, { body: { state: 'allowed', valid_until: ends } });
  const connection = await RawConnection.open(node.ports.https, two.tls);
  expect((await connection.get('/')).status).toBe(200);
  await until(async () => (await connection.get('/')).status === 403);
  expect(Date.now()).toBeGreaterThanOrEqual(new Date(ends).getTime());
  connection.close();
});

test('roles of the registry count at once, and reserve their names', async () => {
  const issuer = await callerOf(node, 'issuer-only');
  await change(node, 'PUT', 'issuer-only', admin, { body: { state: 'allowed', roles: ['issuer'] } });
  expect((await call(node, '/api/v1/whoami', issuer)).json.roles).toEqual(['issuer']);
  const ask = async (service: string, ...names: string[]) => {
    const body = { csr: csrOf(newKey(), service), profile: 'client', names };
    return (await send(node.ports.https, { method: 'POST', path: '/api/v1/certificates', tls: issuer.tls, body }))
      .status;
  };
  const askId = (id: string) => ask('nobody', `URI:spiffe://roles.example/${id}`);
  expect([await ask('new-admin'), await ask('ops-7'), await askId('ops/Seven')]).toEqual([201, 201, 201]);
  await change(node, 'PUT', 'new-admin', admin, { body: { state: 'allowed', roles: ['admin'] } });
  await change(node, 'PUT', 'ops-*', admin, { body: { state: 'allowed', roles: ['auditor'] } });
  expect([await ask('new-admin'), await ask('ops-7'), await ask('NEW-ADMIN'), await ask('ops')]).toEqual([
    403, 403, 400, 201,
  ]);
  await change(node, 'PUT', 'spiffe://roles.example/ops/*', admin, { body: { state: 'allowed', roles: ['admin'] } });
  expect([await askId('ops/Seven'), await askId('OPS/seven/x'), await askId('ops')]).toEqual([403, 403, 201]);
});

test('the command line changes what a running service does', async () => {
  const caller = await callerOf(node, 'reports');
  const file = writeFiles(temporaryFolder(), { 'reports.pem': caller.chainPem })['reports.pem'];
  const verified = async () => /(?<=allow-list: ).*/.exec((await veritas(node, 'verify', file)).out)?.[0];
  expect(await verified()).toBe('service reports is not allowed here');
  expect(refusal(await call(node, '/', caller))).toEqual([403, 'service_not_allowed']);
  expect((await veritas(node, 'services', 'allow', 'reports', '--role', 'auditor', '--note', 'for a week')).code).toBe(
    0,
  );
  expect(await verified()).toBe('allowed');
  const opened = await until(async () => (await call(node, '/', caller)).status === 200);
  expect((await veritas(node, 'services', 'deny', 'reports', '--json')).json()).toMatchObject({
    state: 'denied',
    // What is not named stays.
    roles: ['auditor'],
    note: 'for a week',
    version: 2,
  });
  const shut = await until(async () => (await call(node, '/', caller)).status === 403);
  console.log(`the service let it in after ${Math.round(opened)} ms, and shut it out after ${Math.round(shut)} ms`);
  const stale = await veritas(node, 'services', 'allow', 'reports', '--expected-version', '1', '--json');
  expect([stale.code, JSON.parse(stale.err)]).toMatchObject([1, { error: { code: 'version_mismatch' } }]);
  expect((await veritas(node, 'services', 'allow', 'reports', '--replace', '--json')).json()).toMatchObject({
    roles: [],
  });
  const history = (await veritas(node, 'services', 'history', 'reports', '--json')).json();
  expect(history.map(({ version, changed_by }) => [version, String(changed_by).replace(/:.*/, '')])).toEqual([
    [3, 'cli'],
    [2, 'cli'],
    [1, 'cli'],
  ]);
  // What the command line did last the service sees at its next look.
  const last = async () => ((await call(node, `${PATH}/reports`, admin)).json as { readonly version: number }).version;
  await until(async () => (await last()) === 3);
  expect((await veritas(node, 'services', 'list', '--json')).json()).toEqual(
    (await call(node, `${PATH}?limit=1000`, admin)).json.services,
  );
  expect((await veritas(node, 'services', 'show', 'reports')).out).toMatch(/^State +allowed$/m);
  expect((await veritas(node, 'services', 'allow', 'reports', '--until', '2099-01-31')).out).toMatch(
    /^Valid {4}until 2099-01-31T00:00:00\.000Z$/m,
  );
  expect((await veritas(node, 'services', 'allow', 'reports', '--from', '2098-01-31')).out).toMatch(
    /^Valid {4}from 2098-01-31T00:00:00\.000Z until 2099-01-31T00:00:00\.000Z$/m,
  );
  expect(await veritas(node, 'services', 'allow', 'reports', '--until', '2026-01-31')).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringMatching(/--until is in the past: 2026-01-31T00:00:00\.000Z.*services deny/),
  });
  const body = { state: 'allowed', valid_until: '2026-01-31T00:00:00Z' };
  await change(node, 'PUT', 'reports', admin, { body });
  const OVER = /over since 2026-01-31T00:00:00\.000Z.*--until/;
  expect((await veritas(node, 'services', 'allow', 'reports', '--note', 'a')).err).toMatch(OVER);
  expect((await veritas(node, 'services', 'deny', 'reports')).err).not.toMatch(OVER);
  const OPENS = /was not let in before: the shadow lets it in/;
  for (const closed of ['reports', 'nobody-yet', 'nobody-*'])
    expect((await veritas(node, 'services', 'shadow', closed)).err).toMatch(OPENS);
  for (const open of ['reports', 'nobody-else', 'veritas-agent'])
    expect((await veritas(node, 'services', 'shadow', open)).err).not.toMatch(OPENS);
  for (const made of ['nobody-yet', 'nobody-*', 'nobody-else', 'veritas-agent'])
    await veritas(node, 'services', 'remove', made);
  expect((await veritas(node, 'services', 'remove', 'reports')).out).toBe('Removed. reports has no entry any more.\n');
  expect((await veritas(node, 'services', 'show', 'reports')).code).toBe(1);
  expect((await veritas(node, 'services', 'remove', 'veritas-agent', '--json')).err).toContain('service_configured');
  expect((await veritas(node, 'services', 'allow', 'x', '--burst', '3')).code).toBe(2);
  expect((await veritas(node, 'services', 'allow', 'x', '--pin', 'nowhere.pem')).code).toBe(3);
  const client = join(node.folder, 'certs/client_cert.pem');
  const pinned = await veritas(node, 'services', 'allow', 'x', '--pin', client, '--pin', 'A'.repeat(64), '--json');
  const [block] = decodePem(readFileSync(client));
  const own = hash('sha256', decodeCertificate(block!.octets).publicKey.der);
  expect(pinned.json().pins).toEqual(['a'.repeat(64), own].sort());
  await veritas(node, 'services', 'remove', 'x');
});

test('a shadow lets pass and is reported, over HTTP and at the command line; a revoked certificate it does not let pass', async () => {
  const caller = await callerOf(node, 'veritas-frontend');
  await change(node, 'PUT', 'veritas-frontend', admin, { body: { state: 'shadow' } });
  for (let i = 0; i < 3; i++) expect((await call(node, '/api/v1/test', caller)).status).toBe(200);
  const expected = {
    service: 'veritas-frontend',
    method: 'GET',
    route: '/api/v1/test',
    code: 'service_not_allowed',
    calls: 3,
  };
  expect((await call(node, '/api/v1/shadow-report', admin)).json.shadowed).toMatchObject([expected]);
  expect((await veritas(node, 'services', 'report', '--json')).json()).toMatchObject([expected]);
  const revocation = `/api/v1/certificates/${caller.serialNumber}/revocation`;
  await send(node.ports.https, { method: 'POST', path: revocation, tls: admin.tls, body: {} });
  expect(refusal(await call(node, '/api/v1/test', caller))).toEqual([403, 'certificate_revoked']);
  await change(node, 'DELETE', 'veritas-frontend', admin);
});

describe('the access matrix', () => {
  interface Cell {
    readonly method: string;
    readonly path: string;
    readonly service: string;
    readonly outcome: string;
    readonly code?: string;
    readonly why: string;
  }
  const REFUSED: ReadonlySet<unknown> = new Set(Object.keys(REFUSALS));
  let cells: readonly Cell[];
  const callers = new Map<string, readonly Holder[]>();

  beforeAll(async () => {
    const pinned = await callerOf(node, 'with-pins');
    const pins = [pinOf(pinned), 'b'.repeat(64)];
    const past = '2026-01-01T00:00:00Z';
    for (const [name, body] of Object.entries({
      denied: { state: 'denied', roles: ['admin'] },
      over: { state: 'allowed', roles: ['admin'], valid_until: past },
      tried: { state: 'shadow' },
      'tried-auditor': { state: 'shadow', roles: ['auditor'] },
      'with-pins': { state: 'allowed', pins, roles: ['auditor'] },
      'fleet-*': { state: 'allowed' },
      'spiffe://example.org/ns/*': { state: 'allowed', roles: ['auditor'] },
      'spiffe://example.org/ns/x': { state: 'shadow', tries: 'denied' },
    }))
      expect((await change(node, 'PUT', name, admin, { body })).status).toBe(201);
    const matrix = await veritas(node, 'services', 'matrix', '--json');
    cells = matrix.json() as unknown as Cell[];
    for (const service of new Set(cells.map((cell) => cell.service)))
      callers.set(service, await callersFor(service, pinned));
  });

  async function matrixOf({ folder }: Node, settings: Record<string, string>): Promise<Cell[]> {
    const { out } = await commandLine(['services', 'matrix', '--json'], environmentIn(folder, settings), {
      routes: (configuration) => Promise.resolve(describedRoutes(configuration)),
    });
    return JSON.parse(out) as Cell[];
  }

  /** Who stands for a column: with pins two, the right key and another one. */
  async function callersFor(service: string, pinned: Caller): Promise<Holder[]> {
    if (service === '(no certificate)') return [{ tls: developmentTls(node.folder) }];
    if (service === '(any other service)') return [await callerOf(node, 'stranger')];
    if (service === 'with-pins') return [pinned, await callerOf(node, service)];
    if (service.startsWith('spiffe://')) return [await spiffeCaller(node, 'no-entry', service.replace('*', 'a'))];
    return [await callerOf(node, service.replace('*', 'x'))];
  }

  test('has a cell for each route that the service has and each entry', () => {
    const routes = describedRoutes({ metrics: { public: false }, mtls: { exemptPaths: [] } }).map(
      ({ method, path }) => `${method} ${path}`,
    );
    expect(new Set(cells.map(({ method, path }) => `${method} ${path}`))).toEqual(new Set(routes));
    expect(cells).toHaveLength(routes.length * callers.size);
    expect([...new Set(cells.map(({ outcome }) => outcome))].sort()).toEqual([
      'allowed',
      'depends',
      'public',
      'refused',
      'shadowed',
    ]);
  });

  test('of one service has its column, whether its entry or a pattern holds for it', async () => {
    const columnOf = (service: string, of: readonly Cell[]) =>
      of
        .filter((cell) => cell.service === service)
        .map(({ method, path, outcome, code }) => [method, path, outcome, code]);
    for (const [name, entry] of [
      ['with-pins', 'with-pins'],
      ['fleet-7', 'fleet-*'],
      ['spiffe://example.org/ns/a', 'spiffe://example.org/ns/*'],
    ] as const) {
      const one = (await veritas(node, 'services', 'matrix', '--service', name, '--json')).json() as unknown as Cell[];
      expect(new Set(one.map(({ service }) => service))).toEqual(
        new Set(['(no certificate)', '(any other service)', name]),
      );
      expect(columnOf(name, one)).toEqual(columnOf(entry, cells));
    }
    const { code, err } = await veritas(node, 'services', 'matrix', '--service', 'stranger');
    expect([code, err]).toEqual([1, expect.stringContaining('no entry holds for stranger')]);
  });

  test('says of what is let in on trial why it would be refused', () => {
    const whys = cells.filter(({ outcome, service }) => outcome === 'shadowed' && service === 'tried-auditor');
    expect(new Set(whys.map(({ why }) => why))).toEqual(new Set(['service tried-auditor is not allowed here']));
  });

  test('names exactly the routes of the OpenAPI document, and gives it as an extension of that', async () => {
    const { paths } = (await call(node, '/openapi.json', admin)).json as { paths: Record<string, object> };
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const overlay = (await veritas(node, 'services', 'matrix', '--openapi')).json().paths as typeof paths;
    expect(
      Object.entries(overlay)
        .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
        .sort(),
    ).toEqual(operations.sort());
    expect(overlay['/api/v1/services/{name}']).toMatchObject({
      put: { 'x-veritas-access': { denied: { outcome: 'refused', code: 'service_not_allowed' } } },
    });
    // What anybody may read names no service.
    const text = JSON.stringify(paths);
    for (const name of ['tried-auditor', 'with-pins', 'fleet-'])
      expect([name, text.includes(name)]).toEqual([name, false]);
    expect(paths['/api/v1/services']).toMatchObject({
      get: { 'x-veritas-access': { admits: 'listed service', any_role_of: ['admin'] } },
    });
  });

  test('an exempt path whose route has to know its caller stops the start; every other one answers nobody', async () => {
    const withPaths = (exemptPaths: readonly string[]) => ({ metrics: { public: false }, mtls: { exemptPaths } });
    const routes = describedRoutes(withPaths([])).filter(({ policy }) => !policy.public);
    const written = (path: string) => path.replaceAll(/:\w+/g, '7f');
    const ofCaller = new Set(routes.filter((route) => route.ofCaller).map(({ path }) => written(path)));
    expect([...ofCaller]).toEqual(
      expect.arrayContaining(['/api/v1/whoami', '/api/v1/test', '/api/v1/certificate-info']),
    );
    for (const path of ofCaller)
      expect(() => {
        checkExemptPaths(withPaths([path]));
      }).toThrow(`mtls.exemptPaths: ${path} cannot be exempt: a route there has to know its caller`);
    const others = [...new Set(routes.map(({ path }) => written(path)))].filter((path) => !ofCaller.has(path));
    const open = await startIn(temporaryFolder(), { VERITAS_MTLS_EXEMPT_PATHS: others.join(',') });
    try {
      for (const { method, path } of routes.filter((route) => others.includes(written(route.path)))) {
        const { status } = await send(open.ports.https, {
          method,
          path: written(path),
          tls: developmentTls(open.folder),
        });
        expect([method, path, status < 500]).toEqual([method, path, true]);
      }
    } finally {
      await open.close();
    }
  });

  test('says of an exempt path that anybody may call, as they may, and so does the OpenAPI document', async () => {
    const exempt = { VERITAS_MTLS_EXEMPT_PATHS: '/api/v1/services,/api/v1/services/billing/history' };
    const open = await startIn(temporaryFolder(), exempt);
    try {
      const nobody = { tls: developmentTls(open.folder) };
      expect((await call(open, PATH, nobody)).status).toBe(200);
      expect(refusal(await call(open, `${pathOf('billing')}/history`, nobody))).toEqual([404, 'service_unknown']);
      expect(refusal(await call(open, `${pathOf('other')}/history`, nobody))).toEqual([
        401,
        'client_certificate_required',
      ]);
      const said = (await matrixOf(open, exempt))
        .filter(({ method, service }) => method === 'GET' && service === '(no certificate)')
        .flatMap(({ path, outcome, why }) => (path.includes('/services') ? [[path, outcome, why]] : []));
      expect(said).toEqual([
        [PATH, 'public', 'open to anybody by mtls.exemptPaths'],
        [`${PATH}/:name`, 'refused', 'no certificate'],
        [
          `${PATH}/:name/history`,
          'depends',
          'open to anybody at /api/v1/services/billing/history by mtls.exemptPaths; no certificate',
        ],
      ]);
      const { paths } = (await call(open, '/openapi.json', nobody)).json as { paths: Record<string, object> };
      expect(paths[PATH]).toMatchObject({
        get: { description: 'Anybody.', security: [], 'x-veritas-access': { admits: 'anybody' } },
      });
      expect(paths[`${PATH}/{name}/history`]).toMatchObject({
        get: { 'x-veritas-access': { admits: 'listed service', anybody_at: ['/api/v1/services/billing/history'] } },
      });
    } finally {
      await open.close();
    }
  });

  test('knows that a proxy is nobody, and that a service of another domain has no role', async () => {
    const id = 'spiffe://partner.example/ns/shop';
    const partner = TestCa.root();
    const settings = {
      VERITAS_MTLS_SERVICE_FROM: 'cn,spiffe',
      VERITAS_MTLS_TRUSTED_PROXIES: JSON.stringify([{ service: 'edge', format: 'rfc9440' }]),
      VERITAS_MTLS_TRUST_DOMAINS: JSON.stringify([
        {
          name: 'partner.example',
          bundle: writeFiles(temporaryFolder(), { 'bundle.pem': partner.certificatePem })['bundle.pem'],
          revocation: 'off',
        },
      ]),
    };
    const away = await startIn(temporaryFolder(), settings);
    try {
      const boss = await callerOf(away, 'admin-client');
      const shop = clientTls(partner, partner.issue({ commonName: 'shop', names: [{ kind: 'uri', value: id }] }));
      const holders = new Map<string, Holder>([
        ['edge', await callerOf(away, 'edge')],
        [id, { tls: { ...boss.tls, cert: shop.cert, key: shop.key } }],
      ]);
      for (const name of holders.keys())
        await change(away, 'PUT', name, boss, { body: { state: 'allowed', roles: ['admin'] } });
      const said = (await matrixOf(away, settings)).filter(
        ({ method, service }) => method === 'GET' && holders.has(service),
      );
      for (const { service, path, outcome, code } of said.filter((cell) => !cell.path.includes(':'))) {
        const { headers, text } = await call(away, path, holders.get(service)!);
        const isProblem = String(headers['content-type']).includes('problem');
        const met = isProblem ? (JSON.parse(text) as { code: string }).code : undefined;
        // On what the handler sees of the caller.
        const expected = outcome === 'depends' ? [undefined, 'route_not_allowed'] : [code];
        expect([service, path, expected]).toEqual([service, path, expect.arrayContaining([met])]);
      }
      expect(said.find(({ service, path }) => service === 'edge' && path === PATH)).toMatchObject({
        outcome: 'refused',
        code: 'client_certificate_required',
        why: 'a trusted proxy is nobody by itself',
      });
    } finally {
      await away.close();
    }
  });

  test('knows the names that no certificate can give a service here', async () => {
    const settings = { VERITAS_MTLS_SERVICE_FROM: 'spiffe', VERITAS_MTLS_TRUST_DOMAIN: 'prod.example' };
    const away = await startIn(temporaryFolder(), settings);
    try {
      const holders = new Map<string, Holder>([['billing', await callerOf(away, 'billing')]]);
      for (const id of ['spiffe://prod.example/a', 'spiffe://elsewhere.example/a'])
        holders.set(id, await spiffeCaller(away, 'shop', id));
      for (const name of holders.keys()) await veritas(away, 'services', 'allow', name, '--role', 'auditor');
      const said = (await matrixOf(away, settings)).filter(
        ({ method, service, path }) => method === 'GET' && !path.includes(':') && holders.has(service),
      );
      const met: unknown[] = [];
      for (const { service, path } of said) {
        const { headers, text } = await call(away, path, holders.get(service)!);
        const isProblem = String(headers['content-type']).includes('problem');
        met.push([service, path, isProblem ? (JSON.parse(text) as { code: string }).code : undefined]);
      }
      expect(said.map(({ service, path, code }) => [service, path, code])).toEqual(met);
    } finally {
      await away.close();
    }
  });

  test('knows that nobody gets through the handshake where a certificate is required', async () => {
    const settings = { VERITAS_TLS_CLIENT_AUTH: 'required', VERITAS_MTLS_EXEMPT_PATHS: PATH };
    const strict = await startIn(temporaryFolder(), settings);
    try {
      for (const path of ['/health', PATH])
        await expect(call(strict, path, { tls: developmentTls(strict.folder) })).rejects.toThrow();
      const said = (await matrixOf(strict, settings)).filter(({ service }) => service === '(no certificate)');
      expect(new Set(said.map(({ outcome, code }) => `${outcome} ${code}`))).toEqual(new Set(['refused undefined']));
    } finally {
      await strict.close();
    }
  });

  test('is what happens, in every cell', async () => {
    const wrong: unknown[] = [];
    const agents = new Map(
      [...callers.values()].flat().map(({ tls }) => [tls, new Agent({ ...tls, keepAlive: true })]),
    );
    for (const cell of cells)
      for (const [index, { tls }] of (callers.get(cell.service) ?? []).entries()) {
        const agent = agents.get(tls)!;
        // Of nobody's, and without a body: whoever gets as far as the handler changes nothing.
        const path = cell.path.replace(':serial', '00').replace(':name', 'nobody').replace(':asset', 'start.js');
        const answer = await send(node.ports.https, { method: cell.method, path, tls, agent });
        const type = String(answer.headers['content-type']);
        const code = type.includes('problem') ? answer.json.code : undefined;
        if (!isAsSaid(cell, code, index)) wrong.push({ ...cell, index, met: [answer.status, code] });
      }
    for (const agent of agents.values()) agent.destroy();
    expect(wrong).toEqual([]);
  });

  function isAsSaid({ service, outcome, code: said, path }: Cell, code: unknown, index: number): boolean {
    // With another key than those that are pinned: the list refuses, whatever comes after it.
    if (service === 'with-pins' && index === 1 && !['public', 'allowed'].includes(outcome))
      return code === 'service_not_allowed';
    if (outcome === 'refused') return code === said;
    if (outcome !== 'depends') return !REFUSED.has(code);
    // On the right key, or on what the handler sees of the caller.
    return !REFUSED.has(code) || (code === 'route_not_allowed' && path.includes('certificates'));
  }
});
