import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeName, Oid, type Certificate } from '../../src/x509/index.js';
import { logFailedHandshakes } from '../../src/listener/handshake-log.js';
import { TestCa, type Issued } from '../../src/testing/index.js';
import {
  clientTls,
  get,
  getHttp2,
  PROTOCOLS,
  RawConnection,
  type Answer,
  type HttpVersion,
  type TlsVersion,
} from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../support/guarded-app.js';

const HOUR = 3_600_000;
const root = TestCa.root();
const issuing = root.intermediate();
const folder = temporaryFolder();
const crl = join(folder, 'issuing.crl');
const revoked: { certificate: Certificate }[] = [];
let clock = Date.now();
let guarded: GuardedApp;

beforeAll(async () => {
  writeFileSync(join(folder, 'root.crl'), root.crl());
  writeFileSync(crl, issuing.crl());
  guarded = await startGuardedApp(issuing, {
    revocation: { crls: [{ source: join(folder, 'root.crl') }, { source: crl }], refreshInterval: 20 },
    clock: () => new Date(clock),
    // What the next request meets is looked at here; live-cut.spec.ts sees to the rest.
    cutConnections: false,
  });
});
afterAll(() => guarded.app.close());

/** Publishes a CRL with one more certificate, and waits until the service has taken it up. */
async function revoke(certificate: Certificate): Promise<void> {
  revoked.push({ certificate });
  const loaded = LogLines.shared.next('crl_loaded', { source: crl });
  replaceFile(crl, issuing.crl(revoked));
  await loaded;
}

/** A connection that stays open. */
interface Visit {
  readonly isResumed: boolean;
  /** The last session ticket that came with it. */
  readonly ticket: Buffer;
  readonly get: (path: string) => Promise<Answer>;
  readonly untilClosed: () => Promise<unknown>;
  readonly close: () => void;
}

/** Opens a connection and makes a request. */
async function visit(
  [tlsVersion, httpVersion]: readonly [TlsVersion, HttpVersion],
  client: Issued | undefined,
  session?: Buffer,
): Promise<Visit> {
  const tls = { ...clientTls(issuing, client, tlsVersion), ...(session ? { session } : {}) };
  return httpVersion === 'HTTP/2' ? visitHttp2(tls) : visitHttp1(tls);
}

async function visitHttp1(tls: ConnectionOptions): Promise<Visit> {
  const connection = await RawConnection.open(guarded.port, tls);
  await connection.get('/open');
  return {
    isResumed: connection.socket.isSessionReused(),
    ticket: ticketOf(connection.sessions, connection.socket),
    get: (path) => connection.get(path),
    untilClosed: () => connection.untilClosed(),
    close: () => {
      connection.close();
    },
  };
}

async function visitHttp2(tls: ConnectionOptions): Promise<Visit> {
  const socket = connectTls({ ...tls, port: guarded.port, ALPNProtocols: ['h2'] });
  const tickets: Buffer[] = [];
  socket.on('session', (ticket: Buffer) => tickets.push(ticket));
  const session = connectHttp2(`https://localhost:${guarded.port}`, { createConnection: () => socket });
  const closed = once(session, 'close');
  await getHttp2(session, '/open');
  return {
    isResumed: socket.isSessionReused(),
    ticket: ticketOf(tickets, socket),
    get: (path) => getHttp2(session, path),
    untilClosed: () => closed,
    close: () => {
      session.destroy();
    },
  };
}

function ticketOf(tickets: readonly Buffer[], socket: TLSSocket): Buffer {
  const ticket = tickets.at(-1) ?? socket.getSession();
  if (!ticket) throw new Error('the server gave no session ticket');
  return ticket;
}

describe.each(PROTOCOLS)('over %s and %s', (...protocol) => {
  test('a session without a certificate, resumed, has none either', async () => {
    const first = await visit(protocol, undefined);
    expect((await first.get('/orders')).json.code).toBe('client_certificate_required');
    const second = await visit(protocol, undefined, first.ticket);
    expect(second.isResumed).toBe(true);
    expect((await second.get('/orders')).json.code).toBe('client_certificate_required');
    first.close();
    second.close();
  });

  test('a resumed session has the identity of the first, without its key and its intermediates', async () => {
    const client = issuing.issue({ commonName: 'billing' });
    const first = await visit(protocol, client);
    const second = await visit(protocol, undefined, first.ticket);
    expect(second.isResumed).toBe(true);
    expect((await second.get('/orders')).json).toMatchObject({ serial: client.certificate.serialNumber });
    expect((await second.get('/orders')).json).toEqual((await first.get('/orders')).json);
    first.close();
    second.close();
  });

  test('a session resumed after the certificate was revoked is refused and closed', async () => {
    const client = issuing.issue({ commonName: 'billing' });
    const first = await visit(protocol, client);
    expect((await first.get('/orders')).status).toBe(200);
    await revoke(client.certificate);
    const second = await visit(protocol, client, first.ticket);
    expect(second.isResumed).toBe(true);
    const refused = LogLines.shared.next('refused', { code: 'certificate_revoked' });
    expect((await second.get('/orders')).json.code).toBe('certificate_revoked');
    // Who says so.
    expect(((await refused).evidence as { source: string }).source).toMatch(/^CRL \d+$/);
    await second.untilClosed();
    first.close();
  });

  test('a session resumed after the certificate expired is refused', async () => {
    const client = issuing.issue({ commonName: 'billing', notAfter: new Date(Date.now() + HOUR) });
    const first = await visit(protocol, client);
    expect((await first.get('/orders')).status).toBe(200);
    clock = Date.now() + 2 * HOUR;
    try {
      const second = await visit(protocol, client, first.ticket);
      expect(second.isResumed).toBe(true);
      expect((await second.get('/orders')).json.code).toBe('certificate_expired');
      expect((await first.get('/orders')).json.code).toBe('certificate_expired');
      await first.untilClosed();
    } finally {
      clock = Date.now();
    }
  });

  test('a revocation counts on the next request of a kept-open connection, and closes it', async () => {
    const client = issuing.issue({ commonName: 'billing' });
    const open = await visit(protocol, client);
    expect((await open.get('/orders')).status).toBe(200);
    await revoke(client.certificate);
    const answer = await open.get('/orders');
    expect([answer.status, answer.json.code, answer.headers.connection]).toEqual([
      403,
      'certificate_revoked',
      protocol[1] === 'HTTP/2' ? undefined : 'close',
    ]);
    await open.untilClosed();
  });

  test('an open connection of somebody else notices nothing of a revocation', async () => {
    const other = await visit(protocol, issuing.issue({ commonName: 'orders' }));
    await revoke(issuing.issue({ commonName: 'billing' }).certificate);
    expect((await other.get('/orders')).status).toBe(200);
    other.close();
  });
});

test.each<TlsVersion>(['TLSv1.2', 'TLSv1.3'])(
  'over %s, an HTTP/2 session that was refused and takes no answer is cut',
  async (version) => {
    const client = issuing.issue({ commonName: 'billing' });
    await revoke(client.certificate);
    const session = connectHttp2(`https://localhost:${guarded.port}`, {
      ...clientTls(issuing, client, version),
      ALPNProtocols: ['h2'],
      // Nothing of a body may come: the stream stays open for as long as the server waits.
      settings: { initialWindowSize: 0 },
    });
    session.on('error', () => undefined);
    const closed = once(session, 'close');
    session.request({ ':path': '/orders' }).on('error', () => undefined);
    await closed;
  },
  15_000,
);

describe('subjects that try to be read as somebody else', () => {
  const cn = (value: string) => [{ type: Oid.commonName, value }];
  test.each([
    ['a NUL in the common name', encodeName([cn('billing\0.evil')])],
    ['a slash with another attribute', encodeName([cn('evil/CN=billing')])],
    ['a comma with another attribute', encodeName([cn('evil,CN=billing')])],
    ['two common names', encodeName([cn('evil'), cn('billing')])],
    ['two common names, the allowed one first', encodeName([cn('billing'), cn('evil')])],
    ['two common names in one RDN', encodeName([[...cn('billing'), ...cn('evil')]])],
    ['another case', encodeName([cn('Billing')])],
    ['white space around', encodeName([cn(' billing ')])],
    ['a homograph', encodeName([cn('bіlling')])],
    [
      'no common name, the service as organizational unit',
      encodeName([[{ type: Oid.organizationalUnitName, value: 'billing' }]]),
    ],
  ])('%s: service_not_allowed', async (_, subject) => {
    const client = issuing.issue({ subject });
    for (const [tlsVersion, httpVersion] of PROTOCOLS) {
      const answer = await get(guarded.port, '/orders', clientTls(issuing, client, tlsVersion), httpVersion);
      expect([answer.status, answer.json.code]).toEqual([403, 'service_not_allowed']);
    }
  });
});

describe('CRLs of another CA that go bad', () => {
  test.each<[string, () => Uint8Array, RegExp]>([
    ['stale', () => issuing.crl([], { nextUpdate: new Date(Date.now() - HOUR), number: 1000n }), /stale/],
    ['from the future', () => issuing.crl([], { thisUpdate: new Date(Date.now() + HOUR), number: 1000n }), /future/],
    ['signed by somebody else', () => TestCa.root({ commonName: 'Test Issuing CA' }).crl(), /signature/],
    ['of an unknown issuer', () => TestCa.root({ commonName: 'Nobody' }).crl(), /issuer/],
    ['truncated', () => issuing.crl().subarray(0, 60), /cut off|octet/],
    ['empty', () => new Uint8Array(0), /PEM|octet/],
    ['a page of HTML', () => Buffer.from('<html>404</html>'), /PEM/],
    ['an older number', () => issuing.crl([], { number: 1n }), /older/],
    [
      'an older list under a newer number',
      () => issuing.crl([], { number: 5000n, thisUpdate: new Date(Date.now() - HOUR) }),
      /older/,
    ],
  ])('%s: reported, and the good one stays in force', async (_, bad, why) => {
    const client = issuing.issue({ commonName: 'billing' });
    await revoke(client.certificate);
    const failed = LogLines.shared.next('crl_failed', { source: crl });
    replaceFile(crl, bad());
    expect((await failed).reason).toMatch(why);
    expect((await get(guarded.port, '/orders', clientTls(issuing, client))).json.code).toBe('certificate_revoked');
    expect(
      (await get(guarded.port, '/orders', clientTls(issuing, issuing.issue({ commonName: 'orders' })))).status,
    ).toBe(200);
  });

  test('past the nextUpdate of the good one: revocation_unknown, and what was revoked stays revoked', async () => {
    const open = await visit(
      ['TLSv1.3', 'HTTP/1.1'],
      issuing.issue({ commonName: 'billing', notAfter: new Date(Date.now() + 72 * HOUR) }),
    );
    expect((await open.get('/orders')).status).toBe(200);
    clock = Date.now() + 30 * HOUR;
    try {
      expect((await open.get('/orders')).json.code).toBe('revocation_unknown');
    } finally {
      clock = Date.now();
      open.close();
    }
  });
});

test('clients that never finish their headers or their handshake are cut, and others are served meanwhile', async () => {
  const bounded = await startGuardedApp(issuing, {}, {}, { headersTimeout: 200, handshakeTimeout: 1_000 });
  const slow = await Promise.all(
    Array.from({ length: 20 }, () => RawConnection.open(bounded.port, clientTls(issuing, undefined))),
  );
  for (const { socket } of slow) socket.write('GET /open HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
  const silent = connectTcp(bounded.port, '127.0.0.1');
  const silentClosed = once(silent.resume(), 'close');
  expect((await get(bounded.port, '/open', clientTls(issuing, undefined))).status).toBe(200);
  await Promise.all(slow.map((connection) => connection.untilClosed()));
  await silentClosed;
  await bounded.app.close();
});

test('what is not HTTP, two lengths at once, and no Host or two, are refused before any guard', async () => {
  for (const [status, request] of [
    [400, 'GET /open HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n'],
    [431, `GET /open HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`],
    [400, 'FOO /open HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    [400, 'nonsense\r\n\r\n'],
    [400, 'GET /open HTTP/1.1\r\n\r\n'],
    [400, 'GET /open HTTP/1.1\r\nHost: localhost\r\nhost: elsewhere\r\n\r\n'],
    [400, 'GET /open HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n\r\n'],
    [400, 'POST /open HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    [505, 'GET /open HTTP/2.0\r\nHost: localhost\r\n\r\n'],
    [505, 'GET /open HTTP/2.0\r\nHost: localhost\r\nHost: elsewhere\r\nConnection: keep-alive\r\n\r\n'],
    [505, 'GET /open HTTP/0.9\r\nHost: localhost\r\n\r\n'],
  ] as const) {
    const connection = await RawConnection.open(guarded.port, clientTls(issuing, undefined));
    connection.socket.write(request);
    const answer = await connection.answer();
    expect([answer.status, answer.json.status, answer.headers['content-type']]).toEqual([
      status,
      status,
      'application/problem+json',
    ]);
    expect(answer.json).toMatchObject({
      code: expect.any(String),
      request_id: expect.any(String),
      status_code: status,
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    await connection.untilClosed();
  }
  const old = await RawConnection.open(guarded.port, clientTls(issuing, undefined));
  old.socket.write('GET /open HTTP/1.0\r\n\r\n');
  expect((await old.answer()).status).toBe(200);
});

test('a method that HTTP does not know is refused before any guard on HTTP/2 as well', async () => {
  for (const path of ['/orders', '/open']) {
    const method = { ':method': 'FOO' };
    const answer = await get(guarded.port, path, clientTls(issuing, undefined), 'HTTP/2', method);
    expect([answer.status, answer.json.code, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([
      501,
      'not_implemented',
      'application/problem+json',
      'no-store',
    ]);
  }
});

test.each(['HTTP/1.1', 'HTTP/2'] as const)(
  'an expectation that nobody knows goes past no guard, on %s',
  async (http) => {
    const expecting = { expect: 'the-impossible' };
    const stranger = await get(guarded.port, '/orders', clientTls(issuing, undefined), http, expecting);
    expect([stranger.status, stranger.json.code]).toEqual([401, 'client_certificate_required']);
    const orders = clientTls(issuing, issuing.issue({ commonName: 'orders' }));
    expect((await get(guarded.port, '/orders', orders, http, expecting)).status).toBe(200);
  },
);

test('a subject as long as it may be does not fill the log', async () => {
  const stranger = TestCa.root().issue({
    subject: encodeName([[{ type: Oid.commonName, value: ','.repeat(30_000) }]]),
  });
  const refused = LogLines.shared.next('refused', { fingerprint256: stranger.certificate.fingerprint256 });
  expect((await get(guarded.port, '/orders', clientTls(issuing, stranger))).json.code).toBe('untrusted_issuer');
  expect(JSON.stringify(await refused).length).toBeLessThan(4_000);
});

test('a path that cannot be routed is answered with a problem document that repeats nothing of it', async () => {
  for (const [path, status, code] of [
    ['/%zz', 400, 'bad_request'],
    [`/orders/${'a'.repeat(7000)}`, 414, 'uri_too_long'],
  ] as const) {
    const answer = await get(guarded.port, path, clientTls(issuing, undefined));
    expect([answer.status, answer.json.code, answer.headers['content-type']]).toEqual([
      status,
      code,
      expect.stringContaining('application/problem+json'),
    ]);
    // As long as no request id is.
    expect(answer.text).not.toMatch(/zz|a{16}/);
  }
});

test.each([
  ['version 1', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n')],
  ['version 2', Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')],
])('a connection that begins with the PROXY protocol, %s, is closed without an answer', async (_, header) => {
  const socket = connectTcp(guarded.port, '127.0.0.1');
  const octets: Buffer[] = [];
  socket.on('error', () => undefined).on('data', (chunk: Buffer) => octets.push(chunk));
  socket.write(header);
  await once(socket, 'close');
  // A TLS alert at most (RFC 8446 §6: content type 21).
  expect([undefined, 21]).toContain(Buffer.concat(octets)[0]);
});

test('a handshake that fails is logged with its reason, once a second and counted', async () => {
  const noisy = await startGuardedApp(issuing);
  let clock = 0;
  logFailedHandshakes(noisy.server, LogLines.shared, () => clock);
  const fail = async (): Promise<void> => {
    const failed = once(noisy.server, 'tlsClientError');
    await expect(
      RawConnection.open(noisy.port, { ...clientTls(issuing, undefined, 'TLSv1.2'), ciphers: 'AES256-SHA' }),
    ).rejects.toThrow();
    await failed;
  };
  const first = LogLines.shared.next('handshake_failed');
  for (let i = 0; i < 3; i++) await fail();
  expect(await first).toMatchObject({
    code: 'ERR_SSL_NO_SHARED_CIPHER',
    reason: 'no shared cipher',
    passedOver: 0,
    remote: '127.0.0.1',
  });
  clock += 1_000;
  const second = LogLines.shared.next('handshake_failed');
  await fail();
  expect(await second).toMatchObject({ passedOver: 2 });
  await noisy.app.close();
});
