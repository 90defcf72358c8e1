import { once } from 'node:events';
import { connect as connectHttp2, constants, type ClientHttp2Session } from 'node:http2';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { limitConnections, type ConnectionSettings } from '../../src/listener/connection-limits.js';
import { DecisionCounts } from '../../src/mtls/index.js';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { callerOf, send } from '../support/certificate-client.js';
import { clientTls, get, getHttp2, RawConnection, type Answer, type HttpVersion } from '../support/client.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../support/guarded-app.js';
import { developmentTls, startIn } from '../support/service.js';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  FrameConnection,
  HEADERS,
  number32,
  PING,
  requestFields,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../support/http2-frames.js';

const ca = TestCa.root();
const billing = clientTls(ca, ca.issue({ commonName: 'billing' }));
const orders = clientTls(ca, ca.issue({ commonName: 'orders' }));
const stranger = clientTls(ca, ca.issue({ commonName: 'stranger' }));

describe.each(['HTTP/1.1', 'HTTP/2'] as const)('the rate of a service, over %s', (http: HttpVersion) => {
  let app: GuardedApp;
  beforeAll(async () => {
    app = await startGuardedApp(ca, { rates: { of: () => ({ perSecond: 0.01, burst: 5 }) } });
  });
  afterAll(() => app.app.close());

  const call = (path: string, who = billing): Promise<Answer> => get(app.port, path, who, http);
  const statuses = async (times: number, path: string, who = billing): Promise<number[]> => {
    const seen: number[] = [];
    for (let i = 0; i < times; i++) seen.push((await call(path, who)).status);
    return seen;
  };

  test('is told with each answer, is spent by nobody else, and not by what is refused or public', async () => {
    expect(await statuses(10, '/orders', stranger)).toEqual(Array(10).fill(403));
    expect(await statuses(10, '/open')).toEqual(Array(10).fill(200));
    expect(await statuses(10, '/billing', orders)).toEqual(Array(10).fill(403));
    const first = await call('/orders');
    expect([first.status, first.headers['ratelimit-policy'], first.headers.ratelimit]).toEqual([
      200,
      '"service";q=5;w=500',
      '"service";r=4;t=100',
    ]);
    expect(first.headers['retry-after']).toBeUndefined();
    // A path that is nowhere costs as well.
    expect(await statuses(4, '/nowhere')).toEqual([404, 404, 404, 404]);
    const log = LogLines.shared.next('refused', { code: 'rate_limited' });
    const over = await call('/orders');
    expect([over.status, over.json.code, over.headers['content-type']]).toEqual([
      429,
      'rate_limited',
      'application/problem+json; charset=utf-8',
    ]);
    expect(Number(over.headers['retry-after'])).toBeGreaterThan(90);
    expect(over.headers.ratelimit).toBe(`"service";r=0;t=${String(over.headers['retry-after'])}`);
    expect(await log).toMatchObject({ service: 'billing', burst: 5, request_id: over.json.request_id });
    expect(await statuses(20, '/nowhere')).toEqual(Array(20).fill(429));
    expect(await statuses(5, '/billing', orders)).toEqual(Array(5).fill(403));
    expect(await statuses(6, '/orders', orders)).toEqual([200, 200, 200, 200, 200, 429]);
  });

  test('is that of a route besides, by a decorator', async () => {
    const free = await startGuardedApp(ca);
    const ask = async (who = billing) => get(free.port, '/bounded', who, http);
    const [a, b, c] = [await ask(), await ask(), await ask()];
    expect([a.status, b.status, c.status]).toEqual([200, 200, 429]);
    expect(a.headers['ratelimit-policy']).toBe('"route";q=2;w=200');
    expect(c.json.detail).toMatch(/^The service is over its rate on this route\./);
    expect((await ask(orders)).status).toBe(200);
    expect((await get(free.port, '/orders', billing, http)).headers.ratelimit).toBeUndefined();
    await free.app.close();
  });
});

const UNBOUNDED: ConnectionSettings = {
  maxConnectionsPerAddress: 1_000,
  maxHandshakes: 1_000,
  maxHandshakesPerAddress: 1_000,
  connectionRate: 1_000_000,
  connectionRatePerAddress: 1_000_000,
  trustedAddresses: ['127.0.0.9'],
};

describe('connections', () => {
  const started: GuardedApp[] = [];
  let clock = 0;
  const sockets: Socket[] = [];
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    for (const { app } of started) await app.close();
  });

  async function start(
    settings: Partial<ConnectionSettings>,
    limits: { maxConnections?: number } = {},
    logger = LogLines.shared,
  ) {
    const app = await startGuardedApp(ca, {}, {}, limits);
    limitConnections(app.server, { ...UNBOUNDED, ...settings }, logger, () => clock);
    started.push(app);
    return app;
  }

  /** Opens so many connections from an address, and gives those that the server took: the others it reset, or never saw. */
  async function knock({ port, server }: GuardedApp, many: number, localAddress: string): Promise<Socket[]> {
    const seen: Socket[] = [];
    let dropped = 0;
    const see = (socket: Socket): void => {
      seen.push(socket);
    };
    const drop = (): void => {
      dropped++;
    };
    server.on('connection', see).on('drop', drop);
    for (let i = 0; i < many; i++)
      sockets.push(connectTcp({ port, host: '127.0.0.1', localAddress }).on('error', () => undefined));
    while (seen.length + dropped < many) await delay(2);
    server.off('connection', see).off('drop', drop);
    return seen.filter(({ destroyed }) => !destroyed);
  }

  const from = (localAddress: string): ConnectionOptions => ({ ...billing, ...{ localAddress } });
  const isServed = async ({ port }: GuardedApp, address: string): Promise<number> =>
    (await get(port, '/orders', from(address))).status;

  test('in the handshake are bounded for each address; others are served, and whoever is done counts no more', async () => {
    const app = await start({ maxHandshakesPerAddress: 5 });
    for (let round = 0; round < 2; round++) {
      const dropped = LogLines.shared.next('connections_dropped');
      const open = await knock(app, 20, '127.0.0.2');
      expect(open).toHaveLength(5);
      expect(await dropped).toMatchObject({ by: { 'http.maxHandshakesPerAddress': expect.any(Number) } });
      await expect(isServed(app, '127.0.0.2')).rejects.toThrow();
      expect(await isServed(app, '127.0.0.3')).toBe(200);
      for (const socket of open) socket.destroy();
      await Promise.all(open.map((socket) => once(socket, 'close')));
      for (let i = 0; i < 10; i++) expect(await isServed(app, '127.0.0.2')).toBe(200);
    }
  });

  test('in the handshake are bounded altogether, and those of trusted addresses are not counted', async () => {
    const app = await start({ maxHandshakes: 6 });
    const open = [...(await knock(app, 4, '127.0.0.2')), ...(await knock(app, 4, '127.0.0.3'))];
    expect(open).toHaveLength(6);
    expect(await knock(app, 10, '127.0.0.9')).toHaveLength(10);
    expect(await isServed(app, '127.0.0.9')).toBe(200);
    for (const socket of open) socket.destroy();
    await Promise.all(open.map((socket) => once(socket, 'close')));
    for (let i = 0; i < 10; i++) expect(await isServed(app, '127.0.0.2')).toBe(200);
    expect(await knock(app, 8, '127.0.0.2')).toHaveLength(6);
  });

  test('that are open are bounded for each address', async () => {
    const app = await start({ maxConnectionsPerAddress: 3 });
    const open = async (): Promise<RawConnection> => RawConnection.open(app.port, from('127.0.0.2'));
    const held = [await open(), await open(), await open()];
    await expect(open()).rejects.toThrow();
    for (const each of held) expect((await each.get('/orders')).status).toBe(200);
    expect(await isServed(app, '127.0.0.3')).toBe(200);
    held[0]?.close();
    let again: RawConnection | undefined;
    while (!again) again = await open().catch(() => undefined);
    await expect(open()).rejects.toThrow();
    for (const each of [...held, again]) each.close();
  });

  test('are bounded altogether by the listener, and that is logged as well', async () => {
    const app = await start({}, { maxConnections: 3 });
    const dropped = LogLines.shared.next('connections_dropped');
    const open = await knock(app, 6, '127.0.0.2');
    expect(open).toHaveLength(3);
    expect(await dropped).toMatchObject({ by: { 'http.maxConnections': expect.any(Number) } });
    for (const socket of open) socket.destroy();
  });

  test('come in at a rate, of each address and altogether', async () => {
    const app = await start({ connectionRatePerAddress: 4, connectionRate: 6 });
    // Two seconds' worth at once.
    expect(await knock(app, 30, '127.0.0.2')).toHaveLength(8);
    expect(await knock(app, 30, '127.0.0.3')).toHaveLength(4);
    expect(await isServed(app, '127.0.0.9')).toBe(200);
    await expect(isServed(app, '127.0.0.2')).rejects.toThrow();
    clock += 250;
    expect(await isServed(app, '127.0.0.2')).toBe(200);
    await expect(isServed(app, '127.0.0.2')).rejects.toThrow();
    clock += 1_000;
    expect(await knock(app, 30, '127.0.0.2')).toHaveLength(4);
  });

  test('whose client sends two hundred certificates count as many', async () => {
    const app = await start({ connectionRatePerAddress: 100 });
    const { chainPem, keyPem } = ca.issue({ commonName: 'billing' });
    const many = { ...billing, cert: chainPem + ca.certificatePem.repeat(200), key: keyPem };
    for (let i = 0; i < 20; i++) expect(await isServed(app, '127.0.0.2')).toBe(200);
    expect((await get(app.port, '/orders', { ...many, ...{ localAddress: '127.0.0.2' } })).status).toBe(200);
    await expect(isServed(app, '127.0.0.2')).rejects.toThrow();
    expect(await isServed(app, '127.0.0.3')).toBe(200);
    clock += 2_000;
    expect(await isServed(app, '127.0.0.2')).toBe(200);
    // A handshake that is broken off costs as much.
    const relay = createServer((near) => {
      const far = connectTcp({ port: app.port, host: '127.0.0.1', localAddress: '127.0.0.4' });
      let left = 70_000;
      near
        .on('error', () => undefined)
        .on('data', (octets: Buffer) => {
          far.write(octets.subarray(0, left));
          left = Math.max(0, left - octets.length);
          if (left === 0) far.end();
        });
      far.on('error', () => undefined).pipe(near);
    }).listen(0);
    const { port } = relay.address() as AddressInfo;
    for (let i = 0; i < 2; i++) await expect(get(port, '/orders', many)).rejects.toThrow();
    relay.close();
    await expect(isServed(app, '127.0.0.4')).rejects.toThrow();
  });

  test('whose client sends a request right behind the handshake count as one each', async () => {
    const app = await start({ connectionRatePerAddress: 100 });
    for (let i = 0; i < 3; i++) {
      const socket = connectTls({
        ...from('127.0.0.2'),
        host: '127.0.0.1',
        port: app.port,
        ALPNProtocols: ['http/1.1'],
      });
      socket.once('secureConnect', () => {
        socket.write(
          'POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n',
        );
        socket.write('a'.repeat(100_000));
      });
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 \d/);
      socket.destroy();
    }
  });

  test('a flood is logged once a second, with counts', async () => {
    const log = new LogLines();
    const app = await start({ maxHandshakesPerAddress: 1 }, {}, log);
    await knock(app, 1, '127.0.0.2');
    await knock(app, 200, '127.0.0.2');
    while (log.events('connections_dropped').length < 2) await delay(10);
    expect(log.events('connections_dropped')).toMatchObject([
      { dropped: 1, last: '127.0.0.2' },
      { dropped: 199, by: { 'http.maxHandshakesPerAddress': 199 } },
    ]);
  });
});

describe('slow and greedy clients', () => {
  let app: GuardedApp;
  let good: ClientHttp2Session;
  let keptAlive: RawConnection;
  beforeAll(async () => {
    app = await startGuardedApp(
      ca,
      {},
      {},
      { headersTimeout: 300, requestTimeout: 400, answerTimeout: 400, keepAliveTimeout: 60_000 },
    );
    good = connectHttp2(`https://localhost:${app.port}`, { ...billing, ALPNProtocols: ['h2'] });
    await once(good, 'connect');
    keptAlive = await RawConnection.open(app.port, billing);
    // From its first request on it has the time of one that is kept alive.
    await keptAlive.get('/orders');
  });
  afterAll(async () => {
    good.destroy();
    keptAlive.close();
    await app.app.close();
  });

  /** Calls as a well-behaved client does, until `work` is over; each call must succeed. */
  async function besides<T>(work: Promise<T>): Promise<T> {
    const state = { over: false };
    const done = work.finally(() => (state.over = true));
    const served: number[] = [];
    while (!state.over) {
      served.push((await getHttp2(good, '/orders')).status, (await keptAlive.get('/orders')).status);
      await delay(10);
    }
    expect(new Set(served)).toEqual(new Set([200]));
    return done;
  }

  test('a connection that says nothing, over HTTP/1.1: cut', async () => {
    await besides((await RawConnection.open(app.port, billing)).untilClosed());
  });

  test('a body an octet at a time, over HTTP/1.1: cut', async () => {
    const slow = await RawConnection.open(app.port, billing);
    slow.socket.write(
      'POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\nContent-Type: text/plain\r\n\r\n',
    );
    const timer = setInterval(() => slow.socket.write('a'), 50);
    await besides(slow.untilClosed());
    clearInterval(timer);
  });

  test('a body an octet at a time, over HTTP/2: its stream is reset, and another one of the connection answered', async () => {
    const slow = await FrameConnection.open(app.port, billing);
    const json = Buffer.concat([Buffer.of(0x5f), Buffer.of(16), Buffer.from('application/json')]);
    slow.send(frame(HEADERS, END_HEADERS, 1, Buffer.concat([requestFields('/orders', 'POST'), json])));
    slow.keepSending(50, () => frame(DATA, 0, 1, Buffer.from(' ')));
    expect(await besides(slow.untilReset(1))).toBe(8);
    slow.close();
  });

  test('an answer that is not taken, over HTTP/1.1: cut', async () => {
    const slow = await RawConnection.open(app.port, billing);
    slow.socket.removeAllListeners('data').pause();
    slow.socket.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const before = await connections(app);
    await besides(
      (async () => {
        while ((await connections(app)) >= before) await delay(20);
      })(),
    );
    slow.close();
  });

  test.each([
    ['never taken, with a PING now and then', () => frame(PING, 0, 0, Buffer.alloc(8))],
    [
      'taken an octet at a time',
      () => Buffer.concat([frame(WINDOW_UPDATE, 0, 1, number32(1)), frame(WINDOW_UPDATE, 0, 0, number32(1))]),
    ],
  ])('an answer that is %s, over HTTP/2: its stream is reset', async (_, next) => {
    const slow = await FrameConnection.open(app.port, billing);
    slow.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, requestFields('/large')));
    slow.keepSending(50, next);
    expect(await besides(slow.untilReset(1))).toBe(8);
    slow.close();
  });

  test('streams that are taken back at once (CVE-2023-44487): the connection is ended', async () => {
    const rapid = await FrameConnection.open(app.port, billing);
    for (let i = 0; i < 2_000; i++) {
      const stream = 1 + 2 * i;
      rapid.send(
        frame(HEADERS, END_HEADERS | END_STREAM, stream, requestFields('/orders')),
        frame(RST_STREAM, 0, stream, number32(8)),
      );
    }
    await besides(rapid.untilClosed());
  });

  test('a client that takes back what it has open, four times over, is served on', async () => {
    const session = connectHttp2(`https://localhost:${app.port}`, { ...billing, ALPNProtocols: ['h2'] });
    await once(session, 'connect');
    for (let round = 0; round < 4; round++)
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const stream = session.request({ ':path': '/orders' });
          const closed = once(stream, 'close');
          stream.close(8);
          await closed;
        }),
      );
    expect((await getHttp2(session, '/orders')).status).toBe(200);
    session.destroy();
  });

  test.each([
    ['CONTINUATION', () => frame(CONTINUATION, 0, 1), frame(HEADERS, END_STREAM, 1, requestFields('/orders'))],
    ['SETTINGS', () => frame(SETTINGS, 0, 0), Buffer.alloc(0)],
    ['PING', () => frame(PING, 0, 0, Buffer.alloc(8)), Buffer.alloc(0)],
  ])('%s frames without end and unread: the connection is ended', async (_, next, first) => {
    const flood = await FrameConnection.open(app.port, billing);
    flood.socket.pause();
    flood.send(first);
    const before = await connections(app);
    const all = Buffer.concat(Array.from({ length: 20_000 }, next));
    await besides(
      (async () => {
        while ((await connections(app)) >= before) {
          flood.send(all);
          await delay(10);
        }
      })(),
    );
    flood.close();
  });

  test('more streams than there may be are refused, one by one', async () => {
    const greedy = await FrameConnection.open(app.port, billing);
    for (let i = 0; i < 129; i++) greedy.send(frame(HEADERS, END_HEADERS, 1 + 2 * i, requestFields('/orders', 'POST')));
    // REFUSED_STREAM: may be asked again.
    expect(await besides(greedy.untilReset(257))).toBe(7);
    greedy.close();
  });
});

test('refusals of one stranger are logged a thousand times and then summed up; they are all counted, and take no line from others', async () => {
  const app = await startGuardedApp(ca);
  const counts = app.app.get(DecisionCounts);
  const flood = await RawConnection.open(app.port, clientTls(ca, undefined));
  const before = LogLines.shared.events('refused').length;
  for (let i = 0; i < 15; i++) {
    flood.socket.write('GET /orders HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100));
    for (let j = 0; j < 100; j++) expect((await flood.answer()).status).toBe(401);
  }
  const log = LogLines.shared.next('refused', { code: 'service_not_allowed' });
  const { json } = await get(app.port, '/orders', stranger);
  expect(await log).toMatchObject({ request_id: json.request_id });
  expect(counts.refused.get('client_certificate_required')).toBe(1_500);
  await app.app.close();
  const logged = LogLines.shared.events('refused').length - before - 1;
  expect(logged).toBeLessThan(1_200);
  expect(LogLines.shared.events('refusals_not_logged').at(-1)).toMatchObject({
    refused: 1_500 - logged,
    by: { client_certificate_required: 1_500 - logged },
    address: '127.0.0.1',
  });
});

test('so are requests that a rule in trial would refuse', async () => {
  const app = await startGuardedApp(ca);
  const counts = app.app.get(DecisionCounts);
  const busy = await RawConnection.open(app.port, clientTls(ca, ca.issue({ commonName: 'orders' })));
  const before = LogLines.shared.events('shadowed').length;
  for (let i = 0; i < 15; i++) {
    busy.socket.write('GET /tried HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100));
    for (let j = 0; j < 100; j++) expect((await busy.answer()).status).toBe(200);
  }
  expect(counts.shadowed.get('route_not_allowed')).toBe(1_500);
  busy.close();
  await app.app.close();
  const logged = LogLines.shared.events('shadowed').length - before;
  expect(logged).toBeLessThan(1_200);
  expect(LogLines.shared.events('shadowed_not_logged').at(-1)).toMatchObject({
    shadowed: 1_500 - logged,
    by: { route_not_allowed: 1_500 - logged },
    service: 'orders',
  });
});

test.each<[string, Issued]>([
  ['a stranger', TestCa.root().issue({ commonName: 'billing' })],
  ['a service', ca.issue({ commonName: 'billing' })],
])('the certificates that %s sends above its own are not kept', async (_, { certificatePem, keyPem }) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const app = await startGuardedApp(ca);
  const client = clientTls(ca, { chainPem: certificatePem + ca.certificatePem.repeat(150), keyPem });
  const connectOften = async (times: number): Promise<number> => {
    for (let i = 0; i < times; i++) await get(app.port, '/orders', client);
    collect();
    return process.memoryUsage.rss();
  };
  const before = await connectOften(20);
  // OpenSSL has more than a megabyte of them in each handshake.
  expect((await connectOften(40)) - before).toBeLessThan(40 * 1024 * 1024);
  await app.app.close();
});

test('two thousand requests that a stranger sends at once are answered one by one, and others in between', async () => {
  const app = await startGuardedApp(ca);
  const flood = await RawConnection.open(app.port, clientTls(ca, undefined));
  flood.socket.write('GET /orders HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2_000));
  const state = { answered: 0 };
  const answers = (async () => {
    for (; state.answered < 2_000; state.answered++) expect((await flood.answer()).status).toBe(401);
  })();
  expect((await get(app.port, '/orders', billing)).status).toBe(200);
  expect(state.answered).toBeLessThan(2_000);
  await answers;
  flood.close();
  await app.app.close();
});

test('a whole service is bounded by its settings, and its document says what it refuses with', async () => {
  const service = await startIn(undefined, {
    VERITAS_HTTP_TRUSTED_ADDRESSES: '127.0.0.9',
    VERITAS_HTTP_MAX_CONNECTIONS_PER_ADDRESS: '1',
    VERITAS_MICROSERVICE_PORT: '0',
    VERITAS_MTLS_RATES: '[{"service":"veritas-client","perSecond":0.01,"burst":2}]',
  });
  const { https } = service.ports;
  const client = developmentTls(service.folder, 'client');
  const held = await RawConnection.open(https, client);
  await expect(RawConnection.open(https, client)).rejects.toThrow();
  const messages = service.ports.microservice!;
  const heldThere = await RawConnection.open(messages, client);
  await expect(RawConnection.open(messages, client)).rejects.toThrow();
  heldThere.close();
  const trusted = { ...client, ...{ localAddress: '127.0.0.9' } };
  expect((await get(https, '/api/v1/test', trusted)).status).toBe(200);
  expect((await held.get('/api/v1/test')).status).toBe(200);
  const refused = await get(https, '/api/v1/test', trusted);
  expect([refused.status, refused.json.code]).toEqual([429, 'rate_limited']);
  expect((await get(https, '/health', trusted)).status).toBe(200);
  held.close();
  await service.close();
});

test('a rate in the registry counts at once, in place of the one that the settings have for everybody', async () => {
  const service = await startIn(undefined, {
    VERITAS_MTLS_RATES: '[{"service":"*","perSecond":0.01,"burst":50}]',
  });
  const [admin, worker] = [await callerOf(service, 'admin-client'), await callerOf(service, 'veritas-worker')];
  const ask = () => get(service.ports.https, '/api/v1/test', worker.tls);
  const put = (body: object) =>
    send(service.ports.https, { method: 'PUT', path: '/api/v1/services/veritas-worker', tls: admin.tls, body });
  const everybodys = '"service";q=50;w=5000';
  expect((await ask()).headers['ratelimit-policy']).toBe(everybodys);
  expect((await put({ state: 'allowed', rate: { per_second: 1, burst: 2 } })).status).toBe(200);
  let answer = await ask();
  expect([answer.status, answer.headers['ratelimit-policy']]).toEqual([200, '"service";q=2;w=2']);
  while (answer.status === 200) answer = await ask();
  expect([answer.status, answer.headers['retry-after']]).toEqual([429, '1']);
  expect((await put({ state: 'allowed' })).status).toBe(200);
  answer = await ask();
  expect([answer.status, answer.headers['ratelimit-policy']]).toEqual([200, everybodys]);
  await service.close();
});

test.each([
  ['nothing', undefined],
  ['PING frames', () => frame(PING, 0, 0, Buffer.alloc(8))],
  [
    'the octets of a HEADERS frame, one by one',
    octetsOf(frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.alloc(200))),
  ],
])('an HTTP/2 connection over which nothing is asked, but %s comes: cut after the idle time', async (_, next) => {
  const app = await startGuardedApp(ca, {}, {}, { keepAliveTimeout: 300 });
  const idle = await FrameConnection.open(app.port, billing);
  if (next) idle.keepSending(30, next);
  await idle.untilClosed();
  expect(idle.goaway).toBe(0);
  await app.app.close();
});

test('an HTTP/1.1 connection that was answered, and over which nothing more is asked: cut after the idle time', async () => {
  const app = await startGuardedApp(ca, {}, {}, { keepAliveTimeout: 300 });
  const idle = await RawConnection.open(app.port, billing);
  expect((await idle.get('/orders')).status).toBe(200);
  await idle.untilClosed();
  await app.app.close();
});

test.each(['HTTP/1.1', 'HTTP/2'] as const)(
  'an answer that takes longer than the idle time is waited for, on %s',
  async (http) => {
    const app = await startGuardedApp(ca, {}, {}, { keepAliveTimeout: 300 });
    expect((await get(app.port, '/slow', billing, http)).status).toBe(200);
    await app.app.close();
  },
);

test('a client that takes one answer after the other is not cut, however long it goes on over HTTP/1.1', async () => {
  const answerTimeout = 500;
  const app = await startGuardedApp(ca, {}, {}, { answerTimeout });
  const { socket } = await RawConnection.open(app.port, billing);
  socket.removeAllListeners('data');
  socket.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(400));
  const begun = performance.now();
  for await (const piece of socket) if (piece && performance.now() - begun > 3.5 * answerTimeout) break;
  expect(performance.now() - begun).toBeGreaterThan(3.5 * answerTimeout);
  await app.app.close();
});

test('who takes whatever comes after an upgrade is not cut, however long it goes on, and who takes nothing is', async () => {
  const answerTimeout = 800;
  const app = await startGuardedApp(ca, {}, {}, { answerTimeout });
  app.server.on('upgrade', (_: unknown, socket: Socket) => {
    socket.on('error', () => undefined).write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    const write = (): void => {
      while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
      socket.once('drain', write);
    };
    write();
  });
  const upgraded = async () => {
    const { socket } = await RawConnection.open(app.port, billing);
    socket.removeAllListeners('data');
    const upgrading = once(app.server, 'upgrade') as Promise<[unknown, Socket]>;
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: any\r\n\r\n');
    const [, accepted] = await upgrading;
    return { socket, accepted };
  };
  const [{ socket: taking }, { socket: idle, accepted }] = [await upgraded(), await upgraded()];
  idle.pause();
  const cut = once(accepted, 'close');
  const begun = performance.now();
  for await (const piece of taking) if (piece && performance.now() - begun > 2.5 * answerTimeout) break;
  expect(performance.now() - begun).toBeGreaterThan(2.5 * answerTimeout);
  // Until it is cut, it takes nothing.
  await cut;
  await once(idle.resume(), 'close');
  await app.app.close();
});

test('an HTTP/2 connection whose last request was taken back: cut after the idle time', async () => {
  const app = await startGuardedApp(ca, {}, {}, { keepAliveTimeout: 300 });
  const session = connectHttp2(`https://localhost:${app.port}`, billing);
  const asked = session.request({ ':path': '/slow' });
  setTimeout(() => {
    asked.close(constants.NGHTTP2_CANCEL);
  }, 500);
  await once(session, 'close');
  await app.app.close();
});

function octetsOf(octets: Buffer): () => Uint8Array {
  let at = 0;
  return () => octets.subarray(at, ++at);
}

/** How many connections the listener has. */
function connections({ server }: GuardedApp): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}
