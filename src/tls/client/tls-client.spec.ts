import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { createSecureServer, type Http2ServerRequest } from 'node:http2';
import {
  Agent,
  createServer,
  get as httpsGet,
  request as httpsRequest,
  type AgentOptions,
  type RequestOptions,
  type Server,
} from 'node:https';
import {
  connect as connectPlain,
  createServer as createPlainServer,
  type AddressInfo,
  type LookupFunction,
  type Server as PlainServer,
  type Socket,
} from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { request } from 'undici';
import { replaceFile, temporaryFolder, writeFiles } from '../../../test/support/folder.js';
import { generateTestKeyPair, TestCa, type Issued, type TestCertificateOptions } from '../../testing/index.js';
import { encodeExtensionOf, KeyUsage, Oid } from '../../x509/index.js';
import {
  DEFAULT_TLS_SETTINGS,
  openTlsClient,
  PeerRefusedError,
  TlsSetupError,
  type RevocationMode,
  type TlsClient,
  type TlsClientEvent,
  type TlsClientOptions,
} from '../index.js';

const HOUR = 3_600_000;
const root = TestCa.root();
const issuing = root.intermediate();
const dns = (value: string) => ({ kind: 'dns', value }) as const;
const uri = (value: string) => ({ kind: 'uri', value }) as const;
const service = (options: TestCertificateOptions = {}): Issued =>
  issuing.issue({ commonName: 'orders', names: [dns('orders')], ...options });

const clients: TlsClient[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

interface TestServer {
  readonly server: Server;
  readonly port: number;
  readonly sockets: TLSSocket[];
  /** Of each connection, whether it resumed a session. */
  readonly resumed: boolean[];
  /** Octets of application data that came in. */
  octets: number;
}

/** Answers with the serial number of the client's certificate. `/slow` waits until `release`. */
async function listen(
  issued: Pick<Issued, 'chainPem' | 'keyPem'>,
  options: TlsOptions = {},
): Promise<TestServer & { release: () => void }> {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const server = createServer(
    {
      cert: issued.chainPem,
      key: issued.keyPem,
      requestCert: true,
      rejectUnauthorized: false,
      keepAliveTimeout: 60_000,
      ...options,
    },
    (incoming, response) => {
      const answer = (): void => {
        response.end((incoming.socket as TLSSocket).getPeerX509Certificate()?.serialNumber.toLowerCase());
      };
      if (incoming.url === '/slow') void released.then(answer);
      else answer();
    },
  );
  const running = { server, port: 0, sockets: [] as TLSSocket[], resumed: [] as boolean[], octets: 0, release };
  server.on('secureConnection', (socket: TLSSocket) => {
    running.sockets.push(socket);
    running.resumed.push(socket.isSessionReused());
    socket.on('data', (data: Buffer) => (running.octets += data.length));
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  running.port = (server.address() as AddressInfo).port;
  return running;
}

const localhost = (options: TestCertificateOptions = {}): Issued =>
  issuing.issue({
    commonName: 'localhost',
    names: [dns('localhost'), { kind: 'ip', value: Buffer.from([127, 0, 0, 1]) }],
    ...options,
  });

async function open(
  issued: Issued = service(),
  { caPem = root.certificatePem, ...options }: Partial<TlsClientOptions> & { readonly caPem?: string } = {},
): Promise<{
  client: TlsClient;
  issued: Issued;
  events: TlsClientEvent[];
  paths: { readonly cert: string; readonly key: string; readonly ca: string };
  place: (next: Issued) => Promise<void>;
}> {
  const paths = writeFiles(temporaryFolder(), { cert: issued.chainPem, key: issued.keyPem, ca: caPem });
  const events: TlsClientEvent[] = [];
  const client = await openTlsClient({
    certificateFile: paths.cert,
    keyFile: paths.key,
    caFile: paths.ca,
    report: (event) => events.push(event),
    ...options,
  });
  clients.push(client);
  const place = async (next: Issued): Promise<void> => {
    replaceFile(paths.key, next.keyPem);
    replaceFile(paths.cert, next.chainPem);
    await client.reload();
  };
  return { client, issued, events, paths, place };
}

function getBy(agent: Agent, port: number, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    httpsGet({ host: 'localhost', port, path, agent }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

type Call = (port: number, path?: string) => Promise<string>;
/** Each way to call, with whom to expect. */
const WAYS: readonly [string, (client: TlsClient, peer?: string) => Promise<Call>][] = [
  [
    'https.Agent',
    (client, peer) => {
      const agent = client.agent(peer === undefined ? {} : { peer });
      return Promise.resolve((port, path) => getBy(agent, port, path));
    },
  ],
  [
    'undici dispatcher',
    async (client, peer) => {
      const dispatcher = await client.dispatcher(peer === undefined ? {} : { peer });
      return async (port, path = '/') =>
        (await request(`https://localhost:${port}${path}`, { dispatcher })).body.text();
    },
  ],
  [
    'fetch',
    async (client, peer) => {
      const dispatcher = peer === undefined ? {} : { dispatcher: await client.dispatcher({ peer }) };
      return async (port, path = '/') => (await client.fetch(`https://localhost:${port}${path}`, dispatcher)).text();
    },
  ],
];

describe.each(WAYS)('%s', (_, callerOf) => {
  test('presents the certificate, pools connections, and resumes sessions on new ones', async () => {
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const server = await listen(localhost(), { maxVersion });
      const { client, issued } = await open();
      const call = await callerOf(client);
      const calls = [];
      for (let i = 0; i < 20; i++) calls.push(await call(server.port));
      expect(new Set(calls)).toEqual(new Set([issued.certificate.serialNumber]));
      // undici opens another one when the one before is not done with its answer.
      expect(server.sockets.length).toBeLessThan(5);
      const before = server.sockets.length;
      for (const socket of server.sockets) socket.destroy();
      // The client hears of it in its own time: until then its connection cannot be told from a good one.
      const again = async (): Promise<string> => call(server.port).catch(() => again());
      expect(await again()).toBe(issued.certificate.serialNumber);
      expect([server.resumed[0], server.resumed[before]]).toEqual([false, true]);
    }
  });

  test('new files: the next connection presents the new certificate in a full handshake, idle connections close, busy ones finish', async () => {
    const server = await listen(localhost());
    const { client, issued, place } = await open();
    const call = await callerOf(client);
    const slow = call(server.port, '/slow');
    while (server.octets === 0)
      await once(server.server, 'secureConnection').then(([socket]) => once(socket as TLSSocket, 'data'));
    expect(await call(server.port)).toBe(issued.certificate.serialNumber);
    const [busy, idle] = server.sockets;
    const next = service();
    const closed = once(idle!, 'close');
    await place(next);
    await closed;
    expect(busy!.destroyed).toBe(false);
    expect(await call(server.port)).toBe(next.certificate.serialNumber);
    server.release();
    expect(await slow).toBe(issued.certificate.serialNumber);
    await once(busy!, 'close');
    expect(server.resumed).toEqual([false, expect.any(Boolean), false]);
    expect(await call(server.port)).toBe(next.certificate.serialNumber);
    expect(server.sockets).toHaveLength(3);
  });

  test('a dispatcher that was closed stays so, whatever changes after it', async () => {
    const { port } = await listen(localhost());
    let now = Date.now();
    const { client, place } = await open(service({ notAfter: new Date(now + HOUR) }), { clock: () => new Date(now) });
    const dispatcher = await client.dispatcher();
    const ask = () => request(`https://localhost:${port}/`, { dispatcher });
    await (await ask()).body.dump();
    await dispatcher.close();
    await place(service());
    await expect(ask()).rejects.toMatchObject({ code: expect.stringMatching(/^UND_ERR_(?:CLOSED|DESTROYED)$/) });
    // Its certificate is over: the look at the clock tells of a change as well.
    now += 100 * HOUR;
    await expect(ask()).rejects.toMatchObject({ code: expect.stringMatching(/^UND_ERR_(?:CLOSED|DESTROYED)$/) });
  });

  test('renewed again and again under load: no call fails', async () => {
    const server = await listen(localhost());
    const { client, place } = await open();
    const call = await callerOf(client);
    let isOver = false;
    const seen = new Set<string>();
    const worker = async (): Promise<number> => {
      let calls = 0;
      for (; !isOver; calls++) seen.add(await call(server.port));
      return calls;
    };
    const working = Array.from({ length: 8 }, worker);
    const serials: string[] = [];
    for (let round = 0; round < 5; round++) {
      const next = service();
      serials.push(next.certificate.serialNumber);
      await place(next);
      while (!seen.has(next.certificate.serialNumber)) await call(server.port).then((serial) => seen.add(serial));
    }
    isOver = true;
    const calls = (await Promise.all(working)).reduce((sum, each) => sum + each, 0);
    expect(calls).toBeGreaterThan(5);
    expect([...seen]).toEqual(expect.arrayContaining(serials));
  });

  test('the SPIFFE ID that was asked for, whatever the host is called; no other', async () => {
    const id = 'spiffe://example.org/ns/prod/billing';
    const server = await listen(issuing.issue({ names: [uri(id)] }));
    const { client, issued } = await open();
    expect(await (await callerOf(client, id))(server.port)).toBe(issued.certificate.serialNumber);
    const octets = server.octets;
    for (const other of [
      'spiffe://example.org/ns/prod',
      `${id}/x`,
      'spiffe://example.com/ns/prod/billing',
      'localhost',
    ]) {
      const refused = (await callerOf(client, other))(server.port);
      await expect(refused).rejects.toThrow();
      expect(codeOf(await refused.catch((error: unknown) => error))).toBe('name_mismatch');
    }
    expect(server.octets).toBe(octets);
  });
});

/** The code of the refusal, which `fetch` wraps. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof PeerRefusedError) return error.code;
  return error instanceof Error ? codeOf(error.cause) : undefined;
}

describe('a server that is not who was meant gets no octet', () => {
  const id = 'spiffe://example.org/billing';
  test.each<[string, string, () => Pick<Issued, 'chainPem' | 'keyPem'>, string?]>([
    ['of another CA', 'untrusted', () => TestCa.root().issue({ names: [dns('localhost')] })],
    [
      'of another CA of the same name',
      'untrusted',
      () =>
        TestCa.root()
          .intermediate()
          .issue({ names: [dns('localhost')] }),
    ],
    ['with another name', 'name_mismatch', () => issuing.issue({ names: [dns('localhost.example.org')] })],
    ['with the name as its common name alone', 'name_mismatch', () => issuing.issue({ commonName: 'localhost' })],
    ['with a wildcard for one label', 'name_mismatch', () => issuing.issue({ names: [dns('*')] })],
    [
      'that has expired',
      'expired',
      () => localhost({ notBefore: new Date(Date.now() - 2 * HOUR), notAfter: new Date(Date.now() - HOUR) }),
    ],
    ['from the future', 'not_yet_valid', () => localhost({ notBefore: new Date(Date.now() + HOUR) })],
    ['that is for clients', 'extended_key_usage', () => localhost({ purposes: [Oid.clientAuth] })],
    ['that is for nothing', 'extended_key_usage', () => localhost({ without: [Oid.extendedKeyUsage] })],
    ['with two URIs', 'name_mismatch', () => issuing.issue({ names: [uri(id), uri(`${id}/x`)] }), id],
    [
      'with the ID as a DNS name',
      'name_mismatch',
      () => issuing.issue({ names: [dns('spiffe://example.org/billing')] }),
      id,
    ],
    [
      'with the ID, but for signing revocation lists as well',
      'key_usage',
      () => {
        const usage = encodeExtensionOf.keyUsage([KeyUsage.digitalSignature, KeyUsage.cRLSign]);
        return issuing.issue({ names: [uri(id)], extensions: [usage] });
      },
      id,
    ],
    ['with the host, but not the ID', 'name_mismatch', () => localhost(), id],
    [
      'with the name as a mailbox',
      'name_mismatch',
      () => issuing.issue({ names: [{ kind: 'email', value: 'billing@example.org' }] }),
      'billing@example.org',
    ],
  ])('%s: %s', async (...[, code, issued, peer]) => {
    const server = await listen(issued());
    const { client } = await open();
    for (const [, callerOf] of WAYS) {
      const call = await callerOf(client, peer);
      const errors = await Promise.all([0, 1].map(() => call(server.port).catch((error: unknown) => error)));
      expect(errors.map(codeOf)).toEqual([code, code]);
    }
    expect(server.octets).toBe(0);
  });

  test('of a chain of three, whatever the order it was sent in, the whole is looked at', async () => {
    const lowest = issuing.intermediate({ commonName: 'Lowest CA' });
    const issued = lowest.issue({ names: [dns('localhost')] });
    const chainPem = issued.certificatePem + issuing.certificatePem + lowest.certificatePem;
    const withRoot = issued.certificatePem + root.certificatePem + lowest.certificatePem + issuing.certificatePem;
    for (const each of [issued, { ...issued, chainPem }, { ...issued, chainPem: withRoot }]) {
      const server = await listen(each);
      const { client } = await open();
      expect((await client.fetch(`https://localhost:${server.port}/`)).status).toBe(200);
      if (each !== issued) continue;
      // Of another order Node.js does not give the whole to who connects by himself.
      const socket = connect({ ...client.connectionOptions(), host: 'localhost', port: server.port });
      await once(socket, 'secureConnect');
      socket.destroy();
    }
  });

  test('nor one without TLS, nor for a SPIFFE ID that is none', async () => {
    const { client } = await open();
    const dispatcher = await client.dispatcher();
    await expect(request('http://localhost:1/', { dispatcher })).rejects.toThrow(/https alone/);
    await expect(
      client
        .dispatcher({ peer: 'spiffe://Example.org/billing' })
        .then((each) => request('https://localhost:1/', { dispatcher: each })),
    ).rejects.toThrow(RangeError);
    for (const peer of ['spiffe://Example.org/billing', 'https://billing.example.org'])
      expect(() => client.agent({ peer })).toThrow(RangeError);
  });
});

test('a handshake that never ends is not waited for, nor one that ends in nothing', async () => {
  for (const [answer, error, options] of [
    [() => undefined, { code: 'handshake_timeout' }, { handshakeTimeout: 50 }],
    [(socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }, {}],
  ] as const) {
    const { client } = await open(service(), options);
    // Who is refused may cut it off.
    const server = createPlainServer((socket) => answer(socket.on('error', () => undefined).resume()));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    await expect(client.connect(target)).rejects.toMatchObject(error);
    server.close();
  }
});

/** Takes connections, and says nothing. */
async function silentServer(): Promise<{ server: PlainServer; port: number }> {
  const server = createPlainServer((socket) => socket.on('error', () => undefined));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

test('a server whose CA is taken from the bundle during the handshake gets no octet', async () => {
  const other = TestCa.root({ commonName: 'Other Root' });
  const server = await listen(other.issue({ names: [dns('localhost')] }));
  const { server: gate, port } = await silentServer();
  for (const way of [...WAYS.map(([, callerOf]) => callerOf), connecting]) {
    const { client, paths } = await open(service(), { caPem: root.certificatePem + other.certificatePem });
    const call = await way(client);
    const refused = call(port).catch((error: unknown) => error);
    const [socket] = (await once(gate, 'connection')) as [Socket];
    replaceFile(paths.ca, root.certificatePem);
    await client.reload();
    // The next attempt goes through, where there is one.
    const again = (next: Socket): void => void pass(next);
    gate.on('connection', again);
    await pass(socket);
    expect(codeOf(await refused)).toBe('untrusted');
    gate.off('connection', again);
  }
  expect(server.octets).toBe(0);
  gate.close();

  function pass(socket: Socket): Promise<unknown> {
    const on = connectPlain(server.port, '127.0.0.1').on('error', () => undefined);
    socket.pipe(on).pipe(socket);
    return once(on, 'connect');
  }
});

test('nor does one whose session is resumed: in an agent, the handshake goes on and comes to nothing', async () => {
  const other = TestCa.root({ commonName: 'Other Root' });
  const server = await listen(other.issue({ names: [dns('localhost')] }));
  const { server: gate, port } = await silentServer();
  const pass = async (socket: Socket): Promise<void> => {
    const on = connectPlain(server.port, '127.0.0.1').on('error', () => undefined);
    socket.pipe(on).pipe(socket);
    await once(on, 'connect');
  };
  const { client, paths } = await open(service(), { caPem: root.certificatePem + other.certificatePem });
  const agent = client.agent();
  const accepted = once(gate, 'connection') as Promise<[Socket]>;
  const first = getBy(agent, port);
  const [before] = await accepted;
  await pass(before);
  await first;
  const closed = once(before, 'close');
  server.sockets[0]?.destroy();
  await closed;
  const { octets } = server;
  const refused = getBy(agent, port).catch((error: unknown) => error);
  const [socket] = (await once(gate, 'connection')) as [Socket];
  replaceFile(paths.ca, root.certificatePem);
  await client.reload();
  await pass(socket);
  expect(codeOf(await refused)).toBe('untrusted');
  expect(server.octets).toBe(octets);
  gate.close();
});

test('a server is told the name that is meant, without the dot of an absolute one (RFC 6066 §3), and is known by it', async () => {
  const server = await listen(localhost());
  const other = await listen(issuing.issue({ names: [dns('orders.test')] }));
  const told: unknown[] = [];
  for (const each of [server.server, other.server])
    each.on('secureConnection', (socket: TLSSocket & { servername?: unknown }) => told.push(socket.servername));
  const { client } = await open();
  const agent = client.agent();
  const lookup: LookupFunction = (_, { all }, found) => {
    if (all) found(null, [{ address: '127.0.0.1', family: 4 }]);
    else found(null, '127.0.0.1', 4);
  };
  const asked = { port: other.port, agent, servername: 'orders.test' };
  for (const options of [
    { host: 'localhost.', port: server.port, agent, lookup },
    { ...asked, host: '127.0.0.1' },
  ])
    (await once(httpsGet(options), 'response').then(([answer]) => answer as IncomingMessage)).resume();
  const dispatcher = await client.dispatcher({ connections: 1 });
  const url = `https://127.0.0.1:${other.port}/`;
  await (await request(url, { dispatcher, headers: { host: 'orders.test.' } })).body.dump();
  expect(told).toEqual(['localhost', 'orders.test', 'orders.test']);
});

test('a handshake that goes on with the old certificate leaves no session to the new one, and one that begins anew no connection', async () => {
  const server = await listen(localhost());
  const { server: gate, port } = await silentServer();
  const closed: Promise<unknown>[] = [];
  const pass = (socket: Socket): void => {
    closed.push(once(socket, 'close'));
    socket.pipe(connectPlain(server.port, '127.0.0.1').on('error', () => undefined)).pipe(socket);
  };
  const { client, issued, place } = await open();
  const agent = client.agent();
  const old = getBy(agent, port);
  const [first] = (await once(gate, 'connection')) as [Socket];
  const next = service();
  await place(next);
  gate.on('connection', pass);
  pass(first);
  expect(await old).toBe(issued.certificate.serialNumber);
  expect(await getBy(agent, port)).toBe(next.certificate.serialNumber);
  expect(server.resumed).toEqual([false, false]);
  gate.off('connection', pass);
  const begun = client.connect({ host: 'localhost', port });
  const [again] = (await once(gate, 'connection')) as [Socket];
  await place(service());
  gate.on('connection', pass);
  const left = closed.length;
  pass(again);
  const { socket } = await begun;
  await closed[left];
  expect(socket.destroyed).toBe(false);
  socket.destroy();
  gate.close();
});

const connecting = (client: TlsClient): Promise<Call> =>
  Promise.resolve(async (port) => {
    const { socket } = await client.connect({ host: 'localhost', port });
    socket.destroy();
    return '';
  });

test('an attempt to connect ends at its signal, which leaves alone what is connected', async () => {
  const { server, port } = await silentServer();
  const { client } = await open();
  const given = new AbortController();
  const refused = client.connect({ host: 'localhost', port, signal: given.signal });
  const [socket] = (await once(server, 'connection')) as [Socket];
  given.abort();
  await expect(refused).rejects.toMatchObject({ name: 'AbortError' });
  await once(socket.resume(), 'close');
  server.close();
  await expect(client.connect({ host: 'localhost', port, signal: given.signal })).rejects.toMatchObject({
    name: 'AbortError',
  });
  const later = new AbortController();
  const { port: other } = await listen(localhost());
  const { socket: connected } = await client.connect({ host: 'localhost', port: other, signal: later.signal });
  later.abort();
  expect(connected.destroyed).toBe(false);
  connected.destroy();
});

describe('a session that could be resumed', () => {
  test('is not, once the certificate that it was made with is over by our clock', async () => {
    let time = Date.now();
    const server = await listen(localhost());
    const { client } = await open(service({ notAfter: new Date(time + 100 * HOUR) }), {
      clock: () => new Date(time),
      reloadInterval: 10,
    });
    expect(await client.fetch(`https://localhost:${server.port}/`).then(({ status }) => status)).toBe(200);
    const idle = once(server.sockets[0]!, 'close');
    time += 25 * HOUR;
    await idle;
    expect(codeOf(await client.fetch(`https://localhost:${server.port}/`).catch((error: unknown) => error))).toBe(
      'expired',
    );
    expect(server.resumed).not.toContain(true);
  });

  test.each<[string, (client: TlsClient, port: number) => Promise<unknown>]>([
    ['a connection', (client, port) => client.connect({ host: 'localhost', port, protocols: ['http/1.1'] })],
    ['an agent', (client, port) => getBy(client.agent(), port)],
  ])('is not, when the certificate that it was made with ends in the handshake: %s', async (_, connectAgain) => {
    let time = Date.now();
    const server = await listen(localhost());
    const { client } = await open(service({ notAfter: new Date(time + 100 * HOUR) }), {
      clock: () => new Date(time),
      reloadInterval: 1e6,
    });
    await client.fetch(`https://localhost:${server.port}/`).then((answer) => answer.text());
    const refused = connectAgain(client, server.port).catch((error: unknown) => error);
    time += 25 * HOUR;
    expect(codeOf(await refused)).toBe('expired');
  });

  test('goes on within the last second of the server’s certificate, and a generation of connections with it', async () => {
    const end = Math.floor(Date.now() / 1000) * 1000 + HOUR;
    let time = end - 10_000;
    const server = await listen(localhost({ notAfter: new Date(end) }));
    const { client } = await open(service(), { clock: () => new Date(time) });
    const ask = () => client.fetch(`https://localhost:${server.port}/`).then((answer) => answer.text());
    await ask();
    const { generation } = client;
    time = end + 500;
    await ask();
    expect(client.generation).toBe(generation);
    time = end + 1000;
    expect(codeOf(await ask().catch((error: unknown) => error))).toBe('expired');
  });

  test('is not for a name that it was not checked for', async () => {
    const server = await listen(localhost());
    const { client } = await open();
    await client.fetch(`https://localhost:${server.port}/`);
    const target = { host: 'localhost', port: server.port };
    await expect(client.connect({ ...target, peer: 'billing' })).rejects.toMatchObject({ code: 'name_mismatch' });
    const { socket, path } = await client.connect({ host: '127.0.0.1', port: server.port });
    socket.destroy();
    expect(path.leaf.subject.key).toContain('localhost');
  });
});

test('a Request of Node.js is fetched as it is: its method, headers, body and signal', async () => {
  const server = await listen(localhost());
  const { client, issued } = await open();
  const seen = Promise.withResolvers<unknown[]>();
  server.server.once('request', (incoming) => {
    const { method, url, headers } = incoming;
    void text(incoming).then((body) => {
      seen.resolve([method, url, headers['x-trace'], headers['content-type'], body]);
    });
  });
  const headers = { 'x-trace': '1', 'content-type': 'text/csv' };
  const asked = new Request(`https://localhost:${server.port}/rows?a=b`, { method: 'PUT', body: 'a,b', headers });
  expect(await client.fetch(asked).then((answer) => answer.text())).toBe(issued.certificate.serialNumber);
  expect(await seen.promise).toEqual(['PUT', '/rows?a=b', '1', 'text/csv', 'a,b']);
  const given = new AbortController();
  const aborted = client.fetch(new Request(`https://localhost:${server.port}/slow`, { signal: given.signal }), {
    headers: { 'x-trace': '2' },
  });
  const [incoming] = (await once(server.server, 'request')) as [IncomingMessage];
  expect(incoming.headers['x-trace']).toBe('2');
  given.abort();
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
});

test('fetch goes over the connections of the client also where a dispatcher is named that is none', async () => {
  const server = await listen(localhost());
  const { client, issued } = await open();
  const answer = await client.fetch(`https://localhost:${server.port}/`, { dispatcher: undefined } as object);
  expect(await answer.text()).toBe(issued.certificate.serialNumber);
});

describe('files', () => {
  test('that cannot be used are reported, and the old ones stay', async () => {
    const server = await listen(localhost());
    const { client, issued, events, place } = await open();
    await place({ ...service(), keyPem: service().keyPem });
    expect(events).toEqual([{ kind: 'failed', why: expect.stringContaining('is not the key of') }]);
    expect(await client.fetch(`https://localhost:${server.port}/`).then((answer) => answer.text())).toBe(
      issued.certificate.serialNumber,
    );
  });

  test('are taken up though `report` throws, or is a promise that is rejected', async () => {
    const failures: (() => unknown)[] = [
      () => {
        throw new Error('a report that fails');
      },
      () => Promise.reject(new Error('a report that fails')),
    ];
    for (const report of failures) {
      const { client, place } = await open(service(), { report });
      await place({ ...service(), keyPem: service().keyPem });
      const next = service();
      await place(next);
      expect(client.material.certificate.serialNumber).toBe(next.certificate.serialNumber);
    }
  });

  test('are not looked at in times that no timer can wait for: it would come back at once', async () => {
    for (const time of [0, NaN, Infinity, 2 ** 31])
      for (const options of [
        { reloadInterval: time },
        { handshakeTimeout: time },
        { revocation: { refreshInterval: time } },
      ])
        await expect(open(service(), options)).rejects.toThrow(RangeError);
  });

  test('a CA bundle without a root is no trust, and versions without one between them are no settings', async () => {
    await expect(open(service(), { caPem: issuing.certificatePem })).rejects.toThrow(TlsSetupError);
    const settings = { ...DEFAULT_TLS_SETTINGS, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' } as const;
    await expect(open(service(), { settings })).rejects.toThrow(TlsSetupError);
  });

  test('are not looked at any more by a client that was closed, lists neither', async () => {
    const files = writeFiles(temporaryFolder(), { crl: issuing.crl() });
    const options = { reloadInterval: 5, revocation: { crls: [{ source: files.crl }], refreshInterval: 5 } };
    const caPem = root.certificatePem + issuing.certificatePem;
    const { client, events, paths } = await open(service(), { caPem, ...options });
    const told: TlsClientEvent[] = [];
    const report = (event: TlsClientEvent): void => void told.push(event);
    const look = { certificateFile: paths.cert, keyFile: paths.key, caFile: paths.ca, report, ...options };
    clients.push(await openTlsClient(look));
    await client.close();
    const heard: number[] = [];
    for (let round = 0; round < 3; round++) {
      const next = service();
      replaceFile(files.crl, issuing.crl([next]));
      replaceFile(paths.key, next.keyPem);
      replaceFile(paths.cert, next.chainPem);
      const from = told.length;
      const has = (kind: string) => told.slice(from).some((event) => event.kind === kind);
      while (!has('certificate') || !has('crl_loaded')) await delay(5);
      heard.push(events.length);
    }
    // One look may have been under way.
    expect(heard).toEqual(Array(3).fill(heard[0]));
  });
});

test('agents and dispatchers that were closed are let go', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { port } = await listen(localhost());
  const { client } = await open();
  const given: WeakRef<object>[] = [];
  const take = async (): Promise<void> => {
    const [agent, closed, destroyed] = [client.agent(), await client.dispatcher(), await client.dispatcher()];
    await getBy(agent, port);
    agent.destroy();
    for (const dispatcher of [closed, destroyed])
      await (await request(`https://localhost:${port}/`, { dispatcher })).body.dump();
    await closed.close();
    await destroyed.destroy();
    for (const each of [agent, closed, destroyed]) given.push(new WeakRef(each));
  };
  for (let i = 0; i < 5; i++) await take();
  const left = () => given.filter((each) => each.deref() !== undefined).length;
  // The last ones may still be on the stack of somebody.
  for (let i = 0; i < 20 && left() > 3; i++) {
    await delay(10);
    collect();
  }
  expect(left()).toBeLessThanOrEqual(3);
});

test('an agent that is used again once it was destroyed hears of changes again, and ends with its client', async () => {
  const server = await listen(localhost());
  const { client, place } = await open();
  const agent = client.agent();
  await getBy(agent, server.port);
  agent.destroy();
  await getBy(agent, server.port);
  const next = service();
  await place(next);
  expect(await getBy(agent, server.port)).toBe(next.certificate.serialNumber);
  const idle = once(server.sockets.at(-1)!, 'close');
  await client.close();
  await idle;
});

describe('an agent', () => {
  test('makes no more connections than it may, also while they are being made', async () => {
    const server = await listen(localhost());
    const { client } = await open();
    for (const [options, most] of [
      [{ maxSockets: 3 }, 3],
      [{ maxTotalSockets: 2 }, 2],
    ] as const) {
      server.sockets.splice(0);
      const agent = client.agent(options);
      await Promise.all(Array.from({ length: 20 }, () => getBy(agent, server.port)));
      expect(server.sockets).toHaveLength(most);
      agent.destroy();
    }
  });

  test('sends nothing to a server that is refused, however much is written before that is known', async () => {
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const server = await listen(TestCa.root().issue({ names: [dns('localhost')] }), { maxVersion });
      const { client } = await open();
      const options = { host: 'localhost', port: server.port, agent: client.agent(), method: 'POST' };
      const read: number[] = [];
      for (const octets of [0, 1_000_000]) {
        const accepted = once(server.server, 'connection') as Promise<[Socket]>;
        const call = httpsRequest(options);
        call.write(Buffer.alloc(octets + 1));
        await once(call, 'error');
        const [raw] = await accepted;
        if (!raw.closed) await once(raw, 'close');
        read.push(raw.bytesRead);
      }
      // Not in cipher text either: a signature is longer or shorter by an octet or two.
      expect(Math.abs((read[1] ?? 0) - (read[0] ?? 0))).toBeLessThan(10);
      expect(server.octets).toBe(0);
    }
  });

  test('hears nothing from a server that is refused, though it answers before it is asked', async () => {
    const { chainPem: cert, keyPem: key } = TestCa.root().issue({ names: [dns('localhost')] });
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const server = createTlsServer({ cert, key, maxVersion }, (socket) => {
        socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
      server.on('tlsClientError', () => undefined);
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { client } = await open();
      const call = httpsGet({ host: 'localhost', port: (server.address() as AddressInfo).port, agent: client.agent() });
      const answered = jest.fn();
      call.on('response', answered);
      const [error] = (await once(call, 'error')) as [unknown];
      await once(call, 'close');
      expect([codeOf(error), answered.mock.calls]).toEqual(['untrusted', []]);
      server.close();
    }
  });

  test('tells each request that waits, once, when no connection can be made', async () => {
    const server = await listen(TestCa.root().issue({ names: [dns('localhost')] }));
    const { client } = await open();
    for (const maxSockets of [1, 3, Infinity]) {
      const agent = client.agent({ maxSockets });
      const errors: unknown[] = [];
      const calls = Array.from({ length: 10 }, () => {
        const call = httpsGet({ host: 'localhost', port: server.port, agent });
        call.on('error', (error) => errors.push(codeOf(error)));
        return new Promise((resolve) => call.on('close', resolve));
      });
      await Promise.all(calls);
      expect(errors).toEqual(Array(10).fill('untrusted'));
    }
    expect(server.octets).toBe(0);
  });

  test('tells the request whose connection cannot even begin, one that has waited as well, and no other', async () => {
    const server = await listen(localhost());
    const { client } = await open();
    const agent = client.agent({ maxTotalSockets: 1, keepAlive: false });
    const calls = [server.port, 70_000, server.port].map((port) => getBy(agent, port));
    const [first, wrong, last] = await Promise.allSettled(calls);
    expect(wrong).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SOCKET_BAD_PORT' } });
    expect([first?.status, last?.status]).toEqual(['fulfilled', 'fulfilled']);
    await expect(getBy(client.agent(), 70_000)).rejects.toMatchObject({ code: 'ERR_SOCKET_BAD_PORT' });
  });

  test('connects from the address, and by the look-up, that it or a request names; a dispatcher from its address', async () => {
    const server = await listen(issuing.issue({ names: [dns('orders.test')] }));
    const from: (string | undefined)[] = [];
    server.server.on('secureConnection', (socket: TLSSocket) => from.push(socket.remoteAddress));
    const { client } = await open();
    const lookup: LookupFunction = (_, { all }, found) => {
      if (all) found(null, [{ address: '127.0.0.1', family: 4 }]);
      else found(null, '127.0.0.1', 4);
    };
    const asked = { host: 'orders.test', port: server.port };
    for (const [settings, more] of [
      [{ lookup, localAddress: '127.0.0.2' }, {}],
      [{}, { lookup, localAddress: '127.0.0.3' }],
    ] as const) {
      const agent = client.agent(settings);
      const [answer] = (await once(httpsGet({ ...asked, agent, ...more }), 'response')) as [IncomingMessage];
      answer.resume();
    }
    const dispatcher = await client.dispatcher({ localAddress: '127.0.0.4', peer: 'orders.test' });
    await (await request(`https://127.0.0.1:${server.port}/`, { dispatcher })).body.dump();
    expect(from).toEqual(['127.0.0.2', '127.0.0.3', '127.0.0.4']);
  });

  test('has the timeout of a request act in the handshake too, and a request that is given up end at once', async () => {
    const { server, port } = await silentServer();
    const { client } = await open();
    const options = { host: 'localhost', port };
    const given = new AbortController();
    const ways: readonly [AgentOptions, RequestOptions, (call: ClientRequest) => unknown, string][] = [
      [{}, { timeout: 20 }, (call) => call.on('timeout', () => call.destroy()), 'ECONNRESET'],
      [{ timeout: 20 }, {}, (call) => call.on('timeout', () => call.destroy()), 'ECONNRESET'],
      [{}, {}, (call) => call.setTimeout(20, () => call.destroy(new Error('late'))), 'late'],
      [{}, { signal: given.signal }, () => server.once('connection', () => given.abort()), 'ABORT_ERR'],
    ];
    for (const [settings, more, prepare, why] of ways) {
      const agent = client.agent({ maxSockets: 1, ...settings });
      const call = httpsGet({ ...options, agent, ...more });
      prepare(call);
      const [error] = (await once(call, 'error')) as [Error & { code?: string }];
      expect(error.code ?? error.message).toBe(why);
      agent.destroy();
    }
    server.close();
  });

  test('that is destroyed ends the connections that are being made, as the end of its client does', async () => {
    const { server, port } = await silentServer();
    const { client } = await open();
    const agent = client.agent();
    for (const end of [() => agent.destroy(), () => void client.close()]) {
      const call = getBy(agent, port);
      const [socket] = (await once(server, 'connection')) as [Socket];
      end();
      await expect(call).rejects.toMatchObject({ code: 'ECONNRESET' });
      await once(socket.resume(), 'close');
    }
    server.close();
  });
});

test('what a client gave ends for good when it is closed: what waits in an agent is not sent, and nothing connects any more', async () => {
  const server = await listen(localhost());
  const { client } = await open();
  const [agent, unused] = [client.agent({ maxSockets: 1 }), client.agent()];
  const calls = ['/slow', '/'].map((path) => getBy(agent, server.port, path));
  await once(server.server, 'request');
  const { port, octets } = server;
  await client.close();
  const [busy, waiting] = await Promise.allSettled(calls);
  expect(busy).toMatchObject({ reason: { code: 'ECONNRESET' } });
  const closed = { message: 'the TLS client is closed' };
  expect(waiting).toMatchObject({ reason: closed });
  for (const each of [agent, unused, client.agent()]) await expect(getBy(each, port)).rejects.toMatchObject(closed);
  await expect(client.dispatcher()).rejects.toMatchObject(closed);
  await expect(client.fetch(`https://localhost:${port}/`)).rejects.toMatchObject(closed);
  expect([server.octets, server.sockets.length]).toEqual([octets, 1]);
});

test('a dispatcher that is destroyed ends what is under way from before a change, and what is being made', async () => {
  const server = await listen(localhost());
  const silent = await silentServer();
  const { client, place } = await open();
  const dispatcher = await client.dispatcher();
  const calls = [request(`https://localhost:${server.port}/slow`, { dispatcher })];
  await once(server.server, 'request');
  await place(service());
  calls.push(request(`https://localhost:${silent.port}/`, { dispatcher }));
  const [socket] = (await once(silent.server, 'connection')) as [Socket];
  const closed = dispatcher.close();
  await dispatcher.destroy();
  await closed;
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
  await once(socket.resume(), 'close');
  silent.server.close();
  await dispatcher.close();
  await new Promise<void>((resolve) => dispatcher.close(resolve));
});

test('a dispatcher is closed once what is under way from before a change is answered as well', async () => {
  const server = await listen(localhost());
  const { client, issued, place } = await open();
  const dispatcher = await client.dispatcher();
  const slow = request(`https://localhost:${server.port}/slow`, { dispatcher });
  await once(server.server, 'request');
  await place(service());
  let isClosed = false;
  const closed = client.close().then(() => (isClosed = true));
  await delay(50);
  expect(isClosed).toBe(false);
  server.release();
  expect(await (await slow).body.text()).toBe(issued.certificate.serialNumber);
  await closed;
});

test('over HTTP/2 too new calls present the new certificate, and those that are under way end on their connection', async () => {
  const { chainPem: cert, keyPem: key } = localhost();
  const server = createSecureServer({ cert, key, requestCert: true, rejectUnauthorized: false, allowHTTP1: true });
  const sockets: TLSSocket[] = [];
  server.on('secureConnection', (socket: TLSSocket) => sockets.push(socket));
  const answer = ({ stream }: Http2ServerRequest): void => {
    const by = stream.session?.socket as TLSSocket | undefined;
    stream.end(by?.getPeerX509Certificate()?.serialNumber.toLowerCase());
  };
  const held: Http2ServerRequest[] = [];
  server.on('request', (incoming) => {
    if (incoming.url === '/slow') held.push(incoming);
    else answer(incoming);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { client, issued, place } = await open();
  const dispatcher = await client.dispatcher({ allowH2: true });
  const call = async (path: string): Promise<string> => {
    const url = `https://localhost:${(server.address() as AddressInfo).port}${path}`;
    return (await request(url, { dispatcher })).body.text();
  };
  const slow = call('/slow');
  await once(server, 'request');
  expect(await call('/')).toBe(issued.certificate.serialNumber);
  const next = service();
  await place(next);
  expect(await call('/')).toBe(next.certificate.serialNumber);
  const [before] = sockets;
  expect(before?.destroyed).toBe(false);
  const closed = once(before!, 'close');
  held.forEach(answer);
  expect(await slow).toBe(issued.certificate.serialNumber);
  await closed;
  await client.close();
  server.close();
});

test('what waits in a dispatcher while the certificate is renewed goes out with the new one, its body whole', async () => {
  const server = await listen(localhost());
  const bodies: string[] = [];
  server.server.on('request', (incoming) => {
    void text(incoming).then((body) => bodies.push(body));
  });
  const { client, issued, place } = await open();
  const dispatcher = await client.dispatcher({ connections: 1 });
  const url = `https://localhost:${server.port}/`;
  const slow = request(`${url}slow`, { dispatcher });
  await once(server.server, 'request');
  const post = (body: string | Readable) => request(url, { dispatcher, method: 'POST', body });
  const waiting = [
    post('text').then((answer) => answer.body.text()),
    post(Readable.from([Buffer.from('str'), Buffer.from('eam')])).then((answer) => answer.body.text()),
    client.fetch(url, { dispatcher, method: 'POST', body: 'fetched' }).then((answer) => answer.text()),
  ];
  const next = service();
  await place(next);
  server.release();
  expect(await (await slow).body.text()).toBe(issued.certificate.serialNumber);
  expect(await Promise.all(waiting)).toEqual(Array(3).fill(next.certificate.serialNumber));
  expect(bodies.sort()).toEqual(['', 'fetched', 'stream', 'text']);
});

test('options for whatever connects by itself: both OpenSSL and we must accept the server', async () => {
  const id = 'spiffe://example.org/billing';
  const [host, byId, forClients] = [
    await listen(localhost()),
    await listen(issuing.issue({ names: [uri(id)] })),
    await listen(localhost({ purposes: [Oid.clientAuth] })),
  ];
  const { client, place } = await open();
  const options = client.connectionOptions();
  const serial = async (port: number, own = options): Promise<string> => {
    const socket = connect({ ...own, host: 'localhost', port });
    await Promise.race([
      once(socket, 'secureConnect'),
      once(socket, 'error').then(([error]) => Promise.reject(error as Error)),
    ]);
    const { certificate } = { certificate: socket.getX509Certificate() };
    socket.destroy();
    return certificate?.serialNumber.toLowerCase() ?? '';
  };
  expect(await serial(host.port)).toBe(client.material.certificate.serialNumber);
  expect(await serial(byId.port, client.connectionOptions({ peer: id }))).toBe(
    client.material.certificate.serialNumber,
  );
  await expect(serial(byId.port)).rejects.toMatchObject({ code: 'name_mismatch' });
  await expect(serial(host.port, client.connectionOptions({ peer: id }))).rejects.toMatchObject({
    code: 'name_mismatch',
  });
  await expect(serial(forClients.port)).rejects.toThrow();
  // Nest's TCP client writes before the handshake is over.
  const early = connect({ ...options, host: 'localhost', port: byId.port });
  early.write('secret');
  const [refused] = (await once(early, 'error')) as [PeerRefusedError];
  expect([refused.code, byId.octets]).toEqual(['name_mismatch', 0]);
  const next = service();
  await place(next);
  expect(await serial(host.port)).toBe(next.certificate.serialNumber);
});

describe('a server that was revoked', () => {
  // Lists are by CAs of the bundle: what a server sends is not enough.
  const bundle = root.certificatePem + issuing.certificatePem;
  /** A client that looks at lists of both CAs in files, and the files. */
  async function looking(options: Partial<TlsClientOptions> = {}, mode?: RevocationMode) {
    const files = writeFiles(temporaryFolder(), { root: root.crl(), issuing: issuing.crl() });
    const { client, events } = await open(service(), {
      caPem: bundle,
      reloadInterval: 10,
      revocation: {
        crls: [{ source: files.root }, { source: files.issuing }],
        refreshInterval: 10,
        ...(mode === undefined ? {} : { mode }),
      },
      ...options,
    });
    return { client, events, files };
  }

  test('gets no octet, by whatever way it is called; another of the same CA does', async () => {
    const [good, bad] = [localhost(), localhost()];
    const [server, other] = [await listen(bad), await listen(good)];
    const { client, files } = await looking();
    replaceFile(files.issuing, issuing.crl([{ certificate: bad.certificate }]));
    const target = { host: 'localhost', port: server.port };
    const refused = async (): Promise<unknown> =>
      client.connect(target).then(
        ({ socket }) => {
          socket.destroy();
          return refused();
        },
        (error: unknown) => error,
      );
    expect(codeOf(await refused())).toBe('revoked');
    for (const [, callerOf] of WAYS) {
      const call = await callerOf(client);
      expect(codeOf(await call(server.port).catch((error: unknown) => error))).toBe('revoked');
      expect(await call(other.port)).toBe(client.material.certificate.serialNumber);
    }
    const bySelf = connect({ ...client.connectionOptions(), ...target });
    bySelf.write('secret');
    expect(codeOf((await once(bySelf, 'error'))[0])).toBe('revoked');
    expect(server.octets).toBe(0);
  });

  test('is refused for the CA above it as well', async () => {
    const lowest = issuing.intermediate({ commonName: 'Lowest CA' });
    const { port } = await listen(lowest.issue({ names: [dns('localhost')] }));
    const files = writeFiles(temporaryFolder(), {
      root: root.crl(),
      issuing: issuing.crl([{ certificate: lowest.certificate }]),
      lowest: lowest.crl(),
    });
    const { client } = await open(service(), {
      caPem: bundle + lowest.certificatePem,
      revocation: { crls: [files.root, files.issuing, files.lowest].map((source) => ({ source })) },
    });
    await expect(client.connect({ host: 'localhost', port })).rejects.toThrow(
      expect.objectContaining({ code: 'revoked', message: expect.stringContaining('one of its issuers') }),
    );
  });

  test('is refused for the CA above it, though it has the name of the one that signed it', async () => {
    const renewed = issuing.intermediate();
    const { port } = await listen(renewed.issue({ names: [dns('localhost')] }));
    const files = writeFiles(temporaryFolder(), {
      root: root.crl(),
      issuing: issuing.crl([{ certificate: renewed.certificate }]),
      renewed: renewed.crl(),
    });
    const { client } = await open(service(), {
      caPem: bundle + renewed.certificatePem,
      revocation: { crls: Object.values(files).map((source) => ({ source })) },
    });
    await expect(client.connect({ host: 'localhost', port })).rejects.toThrow(
      expect.objectContaining({ code: 'revoked', message: expect.stringContaining('one of its issuers') }),
    );
  });

  test('is refused for the CA above it unless another path leads to it, by whatever way it is called', async () => {
    const [keyPair, other] = [generateTestKeyPair(), TestCa.root({ commonName: 'Other Root' })];
    // A path over the one that lasts longer is looked for first.
    const [lowest, crossed] = [root, other].map((above, index) =>
      above.intermediate({ commonName: 'Lowest CA', keyPair, notAfter: new Date(Date.now() + (48 - index) * HOUR) }),
    );
    const server = await listen(lowest!.issue({ names: [dns('localhost')] }));
    const files = writeFiles(temporaryFolder(), {
      root: root.crl([{ certificate: lowest!.certificate }]),
      other: other.crl(),
      lowest: lowest!.crl(),
    });
    const { client } = await open(service(), {
      caPem: bundle + other.certificatePem + lowest!.certificatePem + crossed!.certificatePem,
      reloadInterval: 10,
      revocation: { crls: Object.values(files).map((source) => ({ source })), refreshInterval: 10 },
    });
    const calls = await Promise.all(WAYS.map(([, callerOf]) => callerOf(client)));
    for (const call of calls) expect(await call(server.port)).toBe(client.material.certificate.serialNumber);
    const { path, socket } = await client.connect({ host: 'localhost', port: server.port });
    expect(path.anchor).toEqual(other.certificate);
    const closed = once(server.sockets[0]!, 'close');
    replaceFile(files.other, other.crl([{ certificate: crossed!.certificate }]));
    await closed;
    for (const call of calls) expect(codeOf(await call(server.port).catch((error: unknown) => error))).toBe('revoked');
    socket.destroy();
  });

  test('is left: its idle connection closes, its session is not resumed, and the next call is refused', async () => {
    const bad = localhost();
    const server = await listen(bad);
    const { client, files } = await looking();
    for (const [, callerOf] of WAYS.slice(0, 2)) {
      replaceFile(files.issuing, issuing.crl());
      const call = await callerOf(client);
      // Until the list that lets it in has been read.
      const again = async (): Promise<string> => call(server.port).catch(() => again());
      await again();
      const idle = once(server.sockets.at(-1)!, 'close');
      replaceFile(files.issuing, issuing.crl([{ certificate: bad.certificate }]));
      await idle;
      expect(codeOf(await call(server.port).catch((error: unknown) => error))).toBe('revoked');
    }
  });

  test('may be anybody whose list is missing or over, unless soft-fail or off was asked for', async () => {
    let now = Date.now();
    const server = await listen(localhost({ notAfter: new Date(now + 100 * HOUR) }));
    const clock = () => new Date(now);
    const target = { host: 'localhost', port: server.port };
    const ended = service({ notAfter: new Date(now + 100 * HOUR) });
    const [hard, soft, off] = [
      await looking({ clock }),
      await looking({ clock }, 'soft-fail'),
      await looking({ clock }, 'off'),
    ];
    for (const { client } of [hard, soft, off]) (await client.connect(target)).socket.destroy();
    const call = await WAYS[0]![1](hard.client);
    await call(server.port);
    const idle = once(server.sockets.at(-1)!, 'close');
    now += 25 * HOUR;
    await idle;
    await expect(call(server.port)).rejects.toMatchObject({ code: 'revocation_unknown' });
    await expect(hard.client.connect(target)).rejects.toMatchObject({ code: 'revocation_unknown' });
    for (const { client } of [soft, off]) (await client.connect(target)).socket.destroy();
    expect(soft.events.filter(({ kind }) => kind === 'revocation_unknown')).toEqual([
      {
        kind: 'revocation_unknown',
        server: expect.stringContaining('localhost'),
        why: expect.stringContaining('stale'),
      },
    ]);
    expect(off.events.map(({ kind }) => kind)).not.toContain('revocation_unknown');
    const { client, events } = await open(ended, { clock, revocation: { crls: [{ source: '/nowhere/ca.crl' }] } });
    await expect(client.connect(target)).rejects.toThrow(/\/nowhere\/ca\.crl: .*ENOENT/);
    expect(events).toEqual([{ kind: 'crl_failed', source: '/nowhere/ca.crl', why: expect.any(String) }]);
  });

  /** Once the list that has it is in force. */
  async function revoked({ client, files, events }: Awaited<ReturnType<typeof looking>>, { certificate }: Issued) {
    const loaded = () => events.filter(({ kind }) => kind === 'crl_loaded').length;
    const before = loaded();
    replaceFile(files.issuing, issuing.crl([{ certificate }]));
    while (loaded() === before) await client.reload();
  }

  test('is left at once, however seldom the files are looked at', async () => {
    const bad = localhost();
    const server = await listen(bad);
    const looks = await looking({ reloadInterval: HOUR });
    const call = await WAYS[0]![1](looks.client);
    await call(server.port);
    await revoked(looks, bad);
    const { octets } = server;
    expect(codeOf(await call(server.port).catch((error: unknown) => error))).toBe('revoked');
    expect(server.octets).toBe(octets);
  });

  test('is not sent what waits in a dispatcher for the answer to another request', async () => {
    const bad = localhost();
    const server = await listen(bad);
    const looks = await looking();
    const dispatcher = await looks.client.dispatcher({ connections: 1 });
    const url = `https://localhost:${server.port}/`;
    const slow = request(`${url}slow`, { dispatcher });
    await once(server.server, 'request');
    const { octets } = server;
    const waiting = [
      request(url, { dispatcher }),
      request(url, { dispatcher, method: 'POST', body: 'secret' }),
      request(url, { dispatcher, method: 'POST', body: Readable.from([Buffer.from('secret')]) }),
      looks.client.fetch(url, { dispatcher, method: 'POST', body: 'secret' }),
    ].map((each) => each.then(() => undefined, codeOf));
    await revoked(looks, bad);
    server.release();
    expect((await slow).statusCode).toBe(200);
    expect(await Promise.all(waiting)).toEqual(Array(4).fill('revoked'));
    expect(server.octets).toBe(octets);
  });

  test('is refused by what keeps sessions by itself as well', async () => {
    const bad = localhost();
    const server = await listen(bad);
    const looks = await looking();
    const agent = new Agent({ ...looks.client.connectionOptions(), keepAlive: false });
    // The second one would resume the session of the first.
    for (let i = 0; i < 2; i++) await getBy(agent, server.port);
    expect(server.resumed).toEqual([false, false]);
    await revoked(looks, bad);
    expect(codeOf(await getBy(agent, server.port).catch((error: unknown) => error))).toBe('revoked');
  });

  test('of which nobody knows passes by no other word than soft-fail', async () => {
    const { port } = await listen(localhost());
    const { client } = await looking({ revocation: { mode: 'softfail' as RevocationMode } });
    await expect(client.connect({ host: 'localhost', port })).rejects.toMatchObject({ code: 'revocation_unknown' });
  });

  test('is not asked about while the list that lets it in is being replaced by the next one in time', async () => {
    let now = Date.now();
    const server = await listen(localhost({ notAfter: new Date(now + 100 * HOUR) }));
    const { client, files, events } = await looking({ clock: () => new Date(now) });
    const call = await WAYS[0]![1](client);
    await call(server.port);
    for (const [file, by] of [
      [files.root, root],
      [files.issuing, issuing],
    ] as const)
      replaceFile(file, by.crl([], { nextUpdate: new Date(now + 50 * HOUR) }));
    while (events.filter(({ kind }) => kind === 'crl_loaded').length < 4) await call(server.port);
    const { generation } = client;
    now += 25 * HOUR;
    await call(server.port);
    expect(client.generation).toBe(generation);
    expect(server.sockets).toHaveLength(1);
  });
});
