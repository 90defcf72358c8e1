import { once } from 'node:events';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { EnrollmentService } from '../../src/pki/index.js';
import { encodePem, octetsFromPemOrDer } from '../../src/x509/index.js';
import { callerOf, csrOf, newKey, send, type Caller } from '../support/certificate-client.js';
import { RawConnection, type Answer } from '../support/client.js';
import { certificationRequest } from '../support/certification-request.js';
import { temporaryFolder } from '../support/folder.js';
import { hostileRequests } from '../support/hostile-requests.js';
import { developmentTls, startIn } from '../support/service.js';

const PATH = '/api/v1/certificates';
const PKCS10 = { 'content-type': 'application/pkcs10' };
const COMPRESSED = { 'content-encoding': 'gzip' };
const JSON_TYPE = { 'content-type': 'application/json' };
let service: Awaited<ReturnType<typeof startIn>>;
let admin: Caller;
let before: unknown;

/** Everything that a signature leaves behind: rows, numbers that were taken, and what was intended. */
const traces = (): Promise<unknown> =>
  service.query(
    `select (select count(*) from certificate) as certificates, (select count(*) from serial) as serials,
      (select count(*) from audit where action = 'certificate.issue') as intents`,
  );
const post = (body: object | string, headers: Record<string, string>, path = PATH) =>
  send(service.ports.https, { method: 'POST', path, tls: admin.tls, body, headers });

beforeAll(async () => {
  // Whose responder would be certified beside the requests.
  service = await startIn(undefined, { VERITAS_PKI_OCSP: 'false' });
  admin = await callerOf(service, 'admin-client');
});
afterAll(async () => {
  await service.close();
});
beforeEach(async () => {
  before = await traces();
});
afterEach(async () => {
  expect(await traces()).toEqual(before);
});

/** A problem document and nothing else, whose words hold nothing of the request that could harm a log or a terminal. */
function expectProblem(answer: Answer, status: number, code: string): void {
  expect([answer.status, answer.json.code]).toEqual([status, code]);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.json).toMatchObject({ type: `urn:veritas:problem:${code}`, status });
  expect(answer.text).toMatch(/^[\x20-\x7e\u00a7\u2019]*$/);
  expect(answer.text.length).toBeLessThan(2500);
}

describe('certification requests, by the door', () => {
  // What only a caller in the same process can say has no words in HTTP.
  const sayable = hostileRequests.filter(([, , , more = {}]) => !('granted' in more) && !('lifetime' in more));

  test('there are more than a hundred', () => {
    expect(sayable.length).toBeGreaterThan(150);
  });

  test.each(sayable.map(([what, code, request, more = {}]) => ({ what, code, request, more })))(
    '$what: $code, as octets and in JSON',
    async ({ code, request, more: { profile, service: name } }) => {
      const body = request();
      const terms = { ...(profile === undefined ? {} : { profile }), ...(name === undefined ? {} : { service: name }) };
      const query = new URLSearchParams(terms).toString();
      const octets = Buffer.from(body);
      expectProblem(await post(octets, PKCS10, query === '' ? PATH : `${PATH}?${query}`), 400, code);
      const csr = typeof body === 'string' ? body : encodePem('CERTIFICATE REQUEST', body);
      // In JSON there are bounds before anybody reads it: of the body, and of the text.
      const [status, expected] =
        csr.length > 131_072 - 1000 ? [413, 'payload_too_large'] : [400, csr.length > 65_536 ? 'bad_request' : code];
      expectProblem(await post({ csr, ...terms }, JSON_TYPE), status, expected);
    },
  );
});

describe('bodies', () => {
  const csr = encodePem('CERTIFICATE REQUEST', certificationRequest());
  const der = Buffer.from(octetsFromPemOrDer(csr, 'CERTIFICATE REQUEST')[0]);
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  test.each<[string, number, string, string | Buffer | object, Record<string, string>]>([
    ['nothing', 400, 'bad_request', '', JSON_TYPE],
    ['nothing, as octets', 400, 'request_malformed', '', PKCS10],
    ['null', 400, 'bad_request', 'null', JSON_TYPE],
    ['a number', 400, 'bad_request', '1', JSON_TYPE],
    ['a text', 400, 'bad_request', '"x"', JSON_TYPE],
    ['a list', 400, 'bad_request', [csr], {}],
    ['a list of what is asked for', 400, 'bad_request', [{ csr }], {}],
    ['half of a document', 400, 'bad_request', '{"csr":', JSON_TYPE],
    ['two documents', 400, 'bad_request', '{}{}', JSON_TYPE],
    ['a comment', 400, 'bad_request', '{/* */}', JSON_TYPE],
    ['a mark of byte order alone', 400, 'bad_request', '\ufeff', JSON_TYPE],
    ['UTF-16', 400, 'bad_request', Buffer.from(JSON.stringify({ csr }), 'utf16le'), JSON_TYPE],
    ['a request that is a number', 400, 'bad_request', { csr: 1 }, {}],
    ['a request that is a list', 400, 'bad_request', { csr: [csr] }, {}],
    ['a request that is null', 400, 'bad_request', { csr: null }, {}],
    ['no request', 400, 'bad_request', {}, {}],
    ['a field more', 400, 'bad_request', { csr, ca: true }, {}],
    [
      'a field that is called __proto__',
      400,
      'bad_request',
      `{"csr":${JSON.stringify(csr)},"__proto__":{"ca":true}}`,
      JSON_TYPE,
    ],
    [
      'a field that is called constructor',
      400,
      'bad_request',
      `{"csr":${JSON.stringify(csr)},"constructor":{"prototype":{}}}`,
      JSON_TYPE,
    ],
    ['a profile that is an object', 400, 'bad_request', { csr, profile: { name: 'server' } }, {}],
    ['a profile of 65 letters', 400, 'bad_request', { csr, profile: 'a'.repeat(65) }, {}],
    ['a profile with a line break', 400, 'profile_unknown', { csr, profile: 'server\n' }, {}],
    ['a service that is a number', 400, 'bad_request', { csr, service: 7 }, {}],
    ['another service than in the request', 400, 'subject_not_allowed', { csr, service: 'billing' }, {}],
    ['a service with SQL', 400, 'service_name_malformed', { csr, service: "' or 1=1 --" }, {}],
    ['names that are a text', 400, 'bad_request', { csr, names: 'DNS:a' }, {}],
    ['a name that is a number', 400, 'bad_request', { csr, names: [1] }, {}],
    ['a name of no kind', 400, 'bad_request', { csr, names: ['a.example.org'] }, {}],
    ['an email address', 400, 'bad_request', { csr, names: ['email:admin@example.org'] }, {}],
    ['a wildcard', 400, 'name_malformed', { csr, names: ['DNS:*.example.org'] }, {}],
    ['a homograph', 400, 'name_malformed', { csr, names: ['DNS:\u0430dmin.example.org'] }, {}],
    [
      'a hundred and one names',
      400,
      'bad_request',
      { csr, names: Array.from({ length: 101 }, (_, i) => `DNS:a${i}.b`) },
      {},
    ],
    [
      'a hundred names beside its own',
      400,
      'too_many_names',
      { csr, names: Array.from({ length: 100 }, (_, i) => `DNS:a${i}.b`) },
      {},
    ],
    ['a time that is a number', 400, 'bad_request', { csr, ttl: 60 }, {}],
    ['no time', 400, 'lifetime_not_allowed', { csr, ttl: '0' }, {}],
    ['a time before', 400, 'bad_request', { csr, ttl: '-1h' }, {}],
    ['a time of half a second', 400, 'bad_request', { csr, ttl: '0.5s' }, {}],
    ['a time without end', 400, 'bad_request', { csr, ttl: 'Infinity' }, {}],
    ['ten years', 400, 'lifetime_not_allowed', { csr, ttl: '3650d' }, {}],
    ['more time than a number holds', 400, 'bad_request', { csr, ttl: '99999999999999d' }, {}],
    ['a nest of 30 000 lists', 400, 'bad_request', nested(30_000), JSON_TYPE],
    ['a nest of lists where the request belongs', 400, 'bad_request', `{"csr":${nested(30_000)}}`, JSON_TYPE],
    [
      '10 000 fields',
      400,
      'bad_request',
      Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, 1])),
      {},
    ],
    ['a text of 70 000 letters', 400, 'bad_request', { csr: 'a'.repeat(70_000) }, {}],
    ['more than the limit', 413, 'payload_too_large', { csr: 'a'.repeat(140_000) }, {}],
    ['more than the limit, as octets', 413, 'payload_too_large', Buffer.alloc(140_000, 0x30), PKCS10],
    ['octets as JSON', 400, 'bad_request', der, JSON_TYPE],
    ['JSON as octets', 400, 'request_malformed', JSON.stringify({ csr }), PKCS10],
    [
      'a form',
      415,
      'unsupported_media_type',
      `csr=${encodeURIComponent(csr)}`,
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    ['several parts', 415, 'unsupported_media_type', '--x--', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['text', 415, 'unsupported_media_type', csr, { 'content-type': 'text/plain' }],
    ['XML', 415, 'unsupported_media_type', '<csr/>', { 'content-type': 'application/xml' }],
    ['no kind', 415, 'unsupported_media_type', csr, { 'content-type': '' }],
    ['a kind that is none', 415, 'unsupported_media_type', csr, { 'content-type': 'x' }],
    [
      'a kind with a tab behind',
      415,
      'unsupported_media_type',
      JSON.stringify({ csr, ca: true }),
      { 'content-type': 'application/json\ta' },
    ],
    ['a kind that only begins like one', 415, 'unsupported_media_type', der, { 'content-type': 'application/pkcs10x' }],
    [
      'JSON that is compressed',
      415,
      'unsupported_media_type',
      gzipSync(JSON.stringify({ csr })),
      { ...JSON_TYPE, ...COMPRESSED },
    ],
    ['octets that are compressed', 415, 'unsupported_media_type', gzipSync(der), { ...PKCS10, ...COMPRESSED }],
    ['two codings', 415, 'unsupported_media_type', { csr }, { 'content-encoding': 'identity, gzip' }],
    ['an Idempotency-Key with a space', 400, 'bad_request', { csr }, { 'idempotency-key': 'a b' }],
    ['an Idempotency-Key without end', 400, 'bad_request', { csr }, { 'idempotency-key': 'a'.repeat(300) }],
  ])('%s: %i %s', async (_, status, code, body, headers) => {
    expectProblem(await post(body, headers), status, code);
  });

  test('only where the coding is at fault, it says which one is taken', async () => {
    const accepted = async (headers: Record<string, string>): Promise<unknown> =>
      (await post(gzipSync(der), { ...headers, ...COMPRESSED })).headers['accept-encoding'];
    expect(await accepted(PKCS10)).toBe('identity');
    expect(await accepted({ 'content-type': 'application/xml' })).toBeUndefined();
  });

  test.each([
    '?ca=true',
    '?profile=server&profile=client',
    '?names=DNS:a&names[]=DNS:b',
    '?ttl=1h&ttl=2h',
    '?names=a',
    '?csr=x',
    '?__proto__[ca]=true',
    `?service=${'a'.repeat(70)}`,
  ])('a query %s beside octets: 400', async (query) => {
    expectProblem(await post(der, PKCS10, PATH + query), 400, 'bad_request');
  });

  test.each(['?ttl=1h', '?profile=client'])('a query %s beside JSON: 400, and it is not passed over', async (query) => {
    expectProblem(await post({ csr }, {}, PATH + query), 400, 'bad_request');
  });

  test.each([
    ['POST', PATH, 400],
    ['POST', `${PATH}/enrollment`, 401],
    ['PUT', '/api/v1/services/billing', 400],
    ['DELETE', '/api/v1/services/billing', 404],
    ['DELETE', '/nowhere', 404],
  ])(
    '%s %s with the kind of a body and without a body is answered, over HTTP/1.1 and HTTP/2',
    async (method, path, status) => {
      const connection = await RawConnection.open(service.ports.https, { ...admin.tls, ALPNProtocols: ['http/1.1'] });
      connection.socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\r\n`,
      );
      expect((await connection.answer()).status).toBe(status);
      connection.close();
      const session = connectHttp2(`https://localhost:${service.ports.https}`, { ...admin.tls });
      const stream = session.request({ ':method': method, ':path': path, ...JSON_TYPE }, { endStream: true });
      const [{ ':status': answered }] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      expect(answered).toBe(status);
      session.destroy();
    },
  );

  describe('a body that may be left out', () => {
    // There is no such certificate, and only what is in order gets as far as that.
    const path = `${PATH}/ffff/revocation`;
    const reason = '{"reason":"keyCompromise"}';
    const first = async (head: readonly string[], body: string): Promise<number> => {
      const connection = await RawConnection.open(service.ports.https, { ...admin.tls, ALPNProtocols: ['http/1.1'] });
      connection.socket.write([`POST ${path} HTTP/1.1`, 'Host: localhost', ...head, '', body].join('\r\n'));
      const { status } = await connection.answer();
      connection.close();
      return status;
    };
    const second = async (headers: Record<string, string>, body: string): Promise<number> => {
      const session = connectHttp2(`https://localhost:${service.ports.https}`, { ...admin.tls });
      const stream = session.request({ ':method': 'POST', ':path': path, ...headers }, { endStream: false });
      stream.end(body);
      const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }];
      session.destroy();
      return answer[':status'];
    };

    test('is not passed over because nothing says of what kind it is', async () => {
      const length = String(reason.length);
      const chunked = `${reason.length.toString(16)}\r\n${reason}\r\n0\r\n\r\n`;
      expect(await first([`Content-Length: ${length}`], reason)).toBe(415);
      expect(await first(['Transfer-Encoding: chunked'], chunked)).toBe(415);
      expect(await second({ 'content-length': length }, reason)).toBe(415);
      expect(await second({}, reason)).toBe(415);
    });

    test('may be left out whether its kind and its length are told or not', async () => {
      for (const head of [[], ['Content-Length: 0'], ['Content-Type: application/json', 'Content-Length: 0']])
        expect([head, await first(head, '')]).toEqual([head, 404]);
      for (const headers of [{}, JSON_TYPE, { 'content-length': '0' }, { ...JSON_TYPE, 'content-length': '0' }])
        expect([headers, await second(headers, '')]).toEqual([headers, 404]);
      for (const head of [
        ['Transfer-Encoding: chunked'],
        ['Transfer-Encoding: chunked', 'Content-Type: application/json'],
      ])
        expect([head, await first(head, '0\r\n\r\n')]).toEqual([head, 404]);
    });
  });

  test('a field that stands twice counts once, and is looked at as it counts', async () => {
    const text = JSON.stringify(csr);
    const answer = await post(`{"csr":${text},"profile":"server","profile":"root"}`, JSON_TYPE);
    expectProblem(answer, 400, 'profile_unknown');
    expectProblem(await post(`{"csr":${text},"csr":"x"}`, JSON_TYPE), 400, 'request_malformed');
  });
});

describe('a first certificate by a token', () => {
  const path = `${PATH}/enrollment`;
  const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
  const ask = (token: string, body: object | string, headers: Record<string, string> = {}) =>
    send(service.ports.https, {
      method: 'POST',
      path,
      tls: developmentTls(service.folder),
      body,
      headers: { ...headers, authorization: `Bearer ${token}` },
    });
  const newToken = async (): Promise<string> =>
    (await service.application.get(EnrollmentService, { strict: false }).createToken({ service: 'orders', requester }))
      .token;
  const never = `veritas_enroll_${'A'.repeat(43)}`;

  test.each<[string, object | string, Record<string, string>, string]>([
    ['no fields', {}, {}, 'bad_request'],
    ['fields that nobody asked for', { csr: 'x', ca: true }, {}, 'bad_request'],
    ['what is no request', { csr: 'hello' }, {}, 'request_malformed'],
    ['octets that are no request', 'hello', PKCS10, 'request_malformed'],
    ['a nest of indefinite lengths', Buffer.alloc(60_000, Buffer.of(0x30, 0x80)), PKCS10, 'request_malformed'],
  ])('looks at the token before it reads %s', async (_, body, headers, code) => {
    expectProblem(await ask(never, body, headers), 401, 'token_not_valid');
    expectProblem(await ask(await newToken(), body, headers), 400, code);
  });

  test('takes bodies up to 128 KiB, from whoever may call it', async () => {
    expectProblem(await ask(never, { csr: 'a'.repeat(131_072 - 10) }), 401, 'token_not_valid');
    for (const token of [never, await newToken()])
      expectProblem(await ask(token, { csr: 'a'.repeat(131_072) }), 413, 'payload_too_large');
  });

  test('waits for a body no longer than for a whole request, and serves others meanwhile', async () => {
    const quick = await startIn(temporaryFolder(), {
      VERITAS_HTTP_REQUEST_TIMEOUT: '1s',
      VERITAS_HTTP_HEADERS_TIMEOUT: '1s',
    });
    const tls = developmentTls(quick.folder);
    const stalled = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(quick.ports.https, tls)));
    const from = performance.now();
    const closed = stalled.map(async (connection) => {
      const head = ['Host: localhost', `Authorization: Bearer ${never}`, 'Content-Type: application/json'];
      connection.socket.write(`POST ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\nContent-Length: 1000\r\n\r\n{"csr":`);
      await connection.untilClosed();
      return performance.now() - from;
    });
    const other = await send(quick.ports.https, { method: 'POST', path, tls, body: { csr: csrOf(newKey(), 'a') } });
    expect(other.status).toBe(401);
    for (const took of await Promise.all(closed)) {
      expect(took).toBeGreaterThan(900);
      expect(took).toBeLessThan(10_000);
    }
    await quick.close();
  });
});

test('the process lives, and a sound request is certified', async () => {
  const answer = await post({ csr: csrOf(newKey(), 'orders') }, JSON_TYPE);
  expect(answer.status).toBe(201);
  before = await traces();
});
