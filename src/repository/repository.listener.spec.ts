import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as after } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { RepositoryListener } from './repository.listener.js';

const octets = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 0xff));
const large = Buffer.concat([octets, octets]);
const delta = Buffer.from('delta');
const twin = Buffer.from('twin');
const early = Buffer.from('early');
const thisUpdate = new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000);
const nextUpdate = new Date(thisUpdate.getTime() + 120_000);
const tomorrow = new Date(thisUpdate.getTime() + 86_400_000);
const served = (all: Buffer) => ({
  octets: all.length,
  sha256: createHash('sha256').update(all).digest('hex'),
  lastModified: all === twin ? undefined : all === early ? tomorrow : thisUpdate,
  nextUpdate,
  read: async function* (start = 0, end = all.length) {
    for (let at = start; at < end; at += 100) yield await Promise.resolve(all.subarray(at, Math.min(end, at + 100)));
  },
});

/** On a disk that fails before the first octet of each answer, or behind it. */
const broken = (when: 'before' | 'behind') => ({
  ...served(octets),
  read: async function* () {
    if (when === 'behind') yield await Promise.resolve(octets.subarray(0, 100));
    throw await Promise.resolve(new Error('EIO: the disk is broken'));
  },
});

/** How often somebody stopped reading it. */
let stopped = 0;
const endless = {
  ...served(Buffer.alloc(64 * 1024 * 1024)),
  read: async function* () {
    try {
      for (let i = 0; i < 1024; i++) yield await Promise.resolve(Buffer.alloc(64 * 1024));
    } finally {
      stopped++;
    }
  },
};

/** Read so often. */
let reads = 0;
const counted = {
  ...served(large),
  read: (start?: number, end?: number) => {
    reads++;
    return served(large).read(start, end);
  },
};

/** An OCSP request whose answer is kept. */
const known = Buffer.from('known!');
const kept = { der: Buffer.from('answer'), caching: { thisUpdate, nextUpdate, etag: '"answer"' } };

/** Of the size that is asked about. */
let sized = served(octets);

/** On a disk that fails once. */
let failures = 0;
const failing = {
  ...served(large),
  read: (start?: number, end?: number) => {
    if (failures++ === 0) throw new Error('EIO');
    return served(large).read(start, end);
  },
};

describe('the repository', () => {
  let listener: RepositoryListener;
  beforeAll(async () => {
    listener = new RepositoryListener(
      { enabled: true, host: '127.0.0.1', port: 0 },
      {
        certificate: (issuer) => (issuer === 'issuing' ? octets : undefined),
        bundle: () => 'bundle',
        spiffeBundle: () => Promise.resolve('{}'),
        crossCertificates: () => 'cross',
        crl: (issuer, scope) =>
          issuer === 'issuing'
            ? {
                delta: served(delta),
                '2': served(octets),
                '7': served(twin),
                '3': served(early),
                '9': counted,
                '10': sized,
                '4': failing,
                '5': broken('before'),
                '6': broken('behind'),
                '8': endless,
                '': served(octets),
              }[scope ?? '']
            : undefined,
        ocsp: (asked) =>
          Buffer.from(asked).equals(known) ? kept : Promise.reject(new Error('no answer could be made')),
        ready: () => Promise.resolve(true),
      },
    );
    await listener.onApplicationBootstrap();
  });
  afterAll(() => listener.onApplicationShutdown());
  let logged: jest.SpiedFunction<Logger['error']>;
  beforeEach(() => {
    logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET', setHost = true) =>
    new Promise<{ status: number | undefined; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
      request({ host: '127.0.0.1', port: listener.port, path, headers, method, setHost }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
        });
        response.on('error', reject);
      })
        .on('error', reject)
        .end();
    });

  it('answers who names no host with a problem document', async () => {
    const { status, headers, body } = await ask('/livez', {}, 'GET', false);
    expect([status, headers['content-type']]).toEqual([400, 'application/problem+json']);
    expect(JSON.parse(body.toString())).toMatchObject({ code: 'bad_request', status: 400 });
  });

  it('answers what gives itself out for HTTP/2 with a problem document, once for a connection', async () => {
    const socket = connect({ port: listener.port ?? 0, host: '127.0.0.1' });
    socket.write('GET /livez HTTP/2.0\r\nHost: a\r\nHost: b\r\nConnection: keep-alive\r\n\r\n'.repeat(3));
    expect((await text(socket)).match(/^HTTP.*/gm)).toEqual(['HTTP/1.1 505 HTTP Version Not Supported']);
  });

  it('answers CONNECT with a problem document, and closes the connection even when the client does not', async () => {
    const socket = connect({ port: listener.port ?? 0, host: '127.0.0.1', allowHalfOpen: true });
    socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 405 Method Not Allowed\r\nContent-Type: application\/problem\+json\r\n/);
    expect(head).toMatch(/\r\nConnection: close\r\nAllow: $/);
    expect(JSON.parse(body)).toMatchObject({ code: 'method_not_allowed', status: 405 });
    // The server's side is gone, though this one is open: it resets what still comes.
    const reset = once(socket, 'error');
    while (!socket.destroyed && socket.write('a')) await after(5);
    await reset;
  });

  it('serves lists with what caches need, and to HEAD the same without the octets', async () => {
    const { status, headers, body } = await ask('/crl/issuing.crl');
    expect({ status, body: body.equals(octets) }).toEqual({ status: 200, body: true });
    expect(headers).toMatchObject({
      'content-type': 'application/pkix-crl',
      'content-length': '1000',
      'accept-ranges': 'bytes',
      'last-modified': thisUpdate.toUTCString(),
      expires: nextUpdate.toUTCString(),
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
    const age = Number(/^public, max-age=(\d+)$/.exec(String(headers['cache-control']))?.[1]);
    expect(age).toBeGreaterThan(50);
    expect(age).toBeLessThanOrEqual(60);
    const head = await ask('/crl/issuing.crl', {}, 'HEAD');
    expect(head.body).toHaveLength(0);
    expect({ ...head.headers, date: 0, 'cache-control': 0 }).toEqual({ ...headers, date: 0, 'cache-control': 0 });
  });

  it.each([
    ['/ca/issuing.cer', 'application/pkix-cert'],
    ['/ca/issuing.pem', 'application/x-pem-file'],
    ['/ca/bundle.pem', 'application/x-pem-file'],
    ['/ca/cross.pem', 'application/x-pem-file'],
    ['/.well-known/spiffe/bundle', 'application/json; charset=utf-8'],
  ])('serves %s with what caches need', async (path, type) => {
    const { status, headers, body } = await ask(path);
    expect(status).toBe(200);
    expect(body.length).toBeGreaterThan(0);
    expect(headers).toMatchObject({
      'content-type': type,
      'cache-control': 'public, max-age=300',
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
    const head = await ask(path, {}, 'HEAD');
    expect([head.body.length, { ...head.headers, date: 0 }]).toEqual([0, { ...headers, date: 0 }]);
    const again = await ask(path, { 'if-none-match': String(headers.etag) });
    expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, headers.etag]);
    expect((await ask(path, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('has no cache keep that something is not there', async () => {
    for (const path of ['/ca/next.cer', '/crl/next.crl', '/crl/issuing/1.crl', '/'])
      expect(await ask(path)).toMatchObject({ status: 404, headers: { 'cache-control': 'no-store' } });
  });

  it('sends a list by gzip to who takes it, with a tag of its own, where that pays', async () => {
    const path = '/crl/issuing/9.crl';
    const plain = await ask(path);
    expect(plain.headers).toMatchObject({ vary: 'accept-encoding', 'content-length': '2000' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    for (const accepted of ['gzip', 'br;q=1.0, GZIP;q=0.5', '*', '*;q=0, gzip']) {
      const packed = await ask(path, { 'accept-encoding': accepted });
      expect(packed.headers).toMatchObject({ vary: 'accept-encoding', 'content-encoding': 'gzip' });
      expect(packed.headers['content-length']).toBe(String(packed.body.length));
      expect(packed.body.length).toBeLessThan(1000);
      expect(gunzipSync(packed.body).equals(large)).toBe(true);
      const tag = String(packed.headers.etag);
      expect(tag).not.toBe(plain.headers.etag);
      const again = await ask(path, { 'accept-encoding': accepted, 'if-none-match': tag });
      expect([again.status, again.headers.etag]).toEqual([304, tag]);
      const head = await ask(path, { 'accept-encoding': accepted }, 'HEAD');
      expect([head.headers['content-length'], head.headers.etag]).toEqual([packed.headers['content-length'], tag]);
    }
    expect(reads).toBe(2);
    for (const accepted of ['br', 'gzip;q=0', 'gzip ; Q=0.000 , br', 'gzip;q=0, *', 'identity, *;q=0.0'])
      expect((await ask(path, { 'accept-encoding': accepted })).body.equals(large)).toBe(true);
    const part = await ask(path, { 'accept-encoding': 'gzip', range: 'bytes=0-9' });
    expect([part.status, part.body.equals(large.subarray(0, 10))]).toEqual([206, true]);
    expect((await ask('/crl/issuing/delta.crl', { 'accept-encoding': 'gzip' })).body.toString()).toBe('delta');
    for (const [size, encoding] of [[1399], [1400, 'gzip'], [2 ** 20, 'gzip'], [2 ** 20 + 1]] as const) {
      sized = served(Buffer.alloc(size));
      const { headers } = await ask('/crl/issuing/10.crl', { 'accept-encoding': 'gzip' }, 'HEAD');
      expect(headers['content-encoding']).toBe(encoding);
    }
  });

  it('has no cache keep a list past its end, to the second', async () => {
    const clock = jest.spyOn(Date, 'now');
    for (const [before, age] of [
      [3_600_000, 300],
      [1_999, 1],
      [999, 0],
      [-1, 0],
      [-3_600_000, 0],
    ] as const) {
      clock.mockReturnValue(nextUpdate.getTime() - before);
      const { headers } = await ask('/crl/issuing.crl');
      expect(headers['cache-control']).toBe(`public, max-age=${age}`);
    }
  });

  it('sends by gzip what could not be read the first time', async () => {
    const packed = () => ask('/crl/issuing/4.crl', { 'accept-encoding': 'gzip' });
    expect((await packed()).status).toBe(500);
    expect(gunzipSync((await packed()).body).equals(large)).toBe(true);
  });

  describe('that cannot answer', () => {
    // A second goes by before each line of the log.
    let now = 1e9;
    let clock: jest.SpiedFunction<typeof performance.now>;
    beforeEach(() => {
      clock = jest.spyOn(performance, 'now').mockImplementation(() => (now += 1_000));
    });
    afterEach(() => {
      clock.mockRestore();
    });

    it.each([
      ['a list that cannot be read', '/crl/issuing/5.crl', 'EIO: the disk is broken'],
      ['OCSP', `/ocsp/${Buffer.from('request!!').toString('base64')}`, 'no answer could be made'],
    ])('says so in a problem document, and in the log why: %s', async (_, path, message) => {
      const { status, headers, body } = await ask(path);
      expect(status).toBe(500);
      expect(headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'content-length': String(body.length) });
      for (const name of ['etag', 'expires', 'last-modified', 'accept-ranges'])
        expect(headers).not.toHaveProperty(name);
      const problem = JSON.parse(body.toString()) as { request_id: string };
      expect(problem).toMatchObject({ code: 'internal_server_error', detail: 'Internal Server Error' });
      expect(logged.mock.calls).toEqual([
        [{ event: 'failed', request_id: problem.request_id, err: expect.objectContaining({ message }), passedOver: 0 }],
      ]);
    });

    it('ends the connection of who has a part of a list, and says in the log why', async () => {
      await expect(ask('/crl/issuing/6.crl')).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(logged.mock.calls).toEqual([
        [
          {
            event: 'failed',
            request_id: expect.any(String),
            err: expect.objectContaining({ message: 'EIO: the disk is broken' }),
            passedOver: 0,
          },
        ],
      ]);
    });

    it('has nothing in the log of a client that goes away', async () => {
      const { port } = listener;
      await new Promise<void>((resolve) => {
        const asked = request({ port, path: '/crl/issuing/8.crl' }, (response) => {
          response.once('data', () => {
            asked.destroy();
            resolve();
          });
        }).end();
        asked.on('error', () => undefined);
      });
      while (stopped === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(logged).not.toHaveBeenCalled();
    });

    it('has nothing in the log of what is wrong with a request', async () => {
      expect((await ask('/crl/%ff.crl')).status).toBe(400);
      expect((await ask('/crl/issuing.crl', {}, 'DELETE')).status).toBe(404);
      expect(logged).not.toHaveBeenCalled();
    });
  });

  it('has no cache keep an answer of OCSP past its end, to the second, though it is written once', async () => {
    const clock = jest.spyOn(Date, 'now');
    for (const [before, age] of [
      [60_000, 60],
      [1_999, 1],
      [999, 0],
      [-60_000, 0],
    ] as const) {
      clock.mockReturnValue(nextUpdate.getTime() - before);
      const { headers, body } = await ask(`/ocsp/${known.toString('base64')}`);
      expect([headers['cache-control'], headers.expires, body.toString()]).toEqual([
        `max-age=${age}, public, no-transform, must-revalidate`,
        nextUpdate.toUTCString(),
        'answer',
      ]);
    }
  });

  it('says that an answer of OCSP is the same to who asks so by GET or HEAD', async () => {
    const path = `/ocsp/${known.toString('base64')}`;
    for (const method of ['GET', 'HEAD'])
      for (const tags of ['*', '"answer"', '"x", W/"answer"']) {
        const { status, headers } = await ask(path, { 'if-none-match': tags }, method);
        expect([status, headers.etag]).toEqual([304, '"answer"']);
        for (const name of ['content-type', 'content-length']) expect(headers).not.toHaveProperty(name);
      }
    expect((await ask(path, { 'if-none-match': '"x"' })).status).toBe(200);
    const posted = { 'content-type': 'application/ocsp-request ; a=b', 'if-none-match': '"answer"' };
    const answer = await fetch(`http://127.0.0.1:${listener.port}/ocsp`, {
      method: 'POST',
      headers: posted,
      body: known,
    });
    expect([answer.status, await answer.text()]).toEqual([200, 'answer']);
  });

  it('evaluates the conditions of who asks for one answer of OCSP and no other (RFC 9110 §13.2.2)', async () => {
    const path = `/ocsp/${known.toString('base64')}`;
    const statusFor = async (headers: Record<string, string>, method?: string) => {
      const { status, headers: told, body } = await ask(path, headers, method);
      if (status === 412)
        expect([told['cache-control'], told['content-length'], body.length]).toEqual(['no-store', '0', 0]);
      return status;
    };
    const [before, then] = [thisUpdate.getTime() - 1000, thisUpdate.getTime()].map((time) =>
      new Date(time).toUTCString(),
    );
    for (const method of ['GET', 'HEAD']) {
      expect(await statusFor({ 'if-match': '"x", "answer"' }, method)).toBe(200);
      expect(await statusFor({ 'if-match': '*', 'if-unmodified-since': before! }, method)).toBe(200);
      for (const other of ['"x"', 'W/"answer"'])
        expect(await statusFor({ 'if-match': other, 'if-none-match': '"answer"' }, method)).toBe(412);
      expect(await statusFor({ 'if-unmodified-since': then! }, method)).toBe(200);
      expect(await statusFor({ 'if-unmodified-since': before! }, method)).toBe(412);
    }
  });

  it('serves deltas and shards by their names', async () => {
    expect((await ask('/crl/issuing/delta.crl')).body.toString()).toBe('delta');
    expect((await ask('/crl/issuing/2.crl')).body).toHaveLength(1000);
    for (const path of [
      '/crl/issuing/1.crl',
      '/crl/issuing/02.crl',
      '/crl/other/delta.crl',
      '/crl/issuing/..%2fx.crl',
      '/crl/x.crl',
    ])
      expect((await ask(path)).status).toBe(404);
  });

  it('says that nothing changed, by tag or by time', async () => {
    const tag = String((await ask('/crl/issuing.crl')).headers.etag);
    const statusFor = async (headers: Record<string, string>) => (await ask('/crl/issuing.crl', headers)).status;
    expect(await statusFor({ 'if-none-match': tag })).toBe(304);
    expect(await statusFor({ 'if-none-match': `"x", W/${tag}` })).toBe(304);
    expect(await statusFor({ 'if-none-match': '*' })).toBe(304);
    expect(await statusFor({ 'if-modified-since': thisUpdate.toUTCString() })).toBe(304);
    expect(await statusFor({ 'if-none-match': '"x"', 'if-modified-since': thisUpdate.toUTCString() })).toBe(200);
    expect(await statusFor({ 'if-modified-since': new Date(thisUpdate.getTime() - 1000).toUTCString() })).toBe(200);
    expect(await statusFor({ 'if-modified-since': 'yesterday' })).toBe(200);
  });

  it.each(['/crl/issuing.crl', '/ca/bundle.pem'])(
    '%s: evaluates every condition (RFC 9110 §13.2.2), and no cache keeps what is for one client alone',
    async (path) => {
      const { headers } = await ask(path);
      const tag = String(headers.etag);
      const same = await ask(path, { 'if-none-match': tag }, 'HEAD');
      // §8.6: a length in a 304 would be that of the document. §15.4.5: nor does it say of what type that is.
      expect([same.status, same.headers['content-length']]).toEqual([304, undefined]);
      expect(same.headers).not.toHaveProperty('content-type');
      expect((await ask(path, { 'if-match': `"x", ${tag}` })).status).toBe(200);
      expect((await ask(path, { 'if-match': '*' })).status).toBe(200);
      for (const other of ['"x"', `W/${tag}`]) {
        const failed = await ask(path, { 'if-match': other, 'if-none-match': tag });
        expect(failed).toMatchObject({ status: 412, headers: { 'cache-control': 'no-store', 'content-length': '0' } });
        expect(failed.headers).not.toHaveProperty('content-type');
      }
    },
  );

  it('sends a list to nobody who asks for one that has not changed since an earlier time', async () => {
    const statusSince = async (time: number, more: Record<string, string> = {}) =>
      (await ask('/crl/issuing.crl', { 'if-unmodified-since': new Date(time).toUTCString(), ...more })).status;
    expect(await statusSince(thisUpdate.getTime())).toBe(200);
    expect(await statusSince(thisUpdate.getTime() - 1000)).toBe(412);
    expect(await statusSince(thisUpdate.getTime() - 1000, { 'if-match': '*' })).toBe(200);
  });

  it.each([
    [
      'in the form of RFC 850',
      (utc: string) => utc.replace(/^(\w+), (\d+) (\w+) \d\d(\d\d)/, '$1day, $2-$3-$4'),
      304,
      412,
    ],
    [
      'in that of asctime',
      (utc: string) =>
        utc.replace(/^(\w+), 0?(\d+) (\w+) (\d+) (\S+) GMT/, '$1 $3 $2 $5 $4').replace(/ (\d) /, '  $1 '),
      304,
      412,
    ],
    ['without a zone', (utc: string) => utc.replace(' GMT', ''), 200, 200],
    ['that is only a year', (utc: string) => utc.slice(12, 16), 200, 200],
    ['that is a number', () => '0', 200, 200],
  ])('goes by a time %s as RFC 9110 §5.6.7 has it', async (_, form, unchanged, changed) => {
    const statusFor = async (name: string, time: number) =>
      (await ask('/crl/issuing.crl', { [name]: form(new Date(time).toUTCString()) })).status;
    const time = thisUpdate.getTime();
    expect(await statusFor('if-modified-since', time + 366 * 86_400_000)).toBe(unchanged);
    expect(await statusFor('if-modified-since', time)).toBe(unchanged);
    expect(await statusFor('if-modified-since', time - 3_600_000)).toBe(200);
    expect(await statusFor('if-unmodified-since', time - 1000)).toBe(changed);
    expect(await statusFor('if-unmodified-since', time)).toBe(200);
  });

  it('has no cache keep that a range lies beyond the end: whoever asks for the whole would be told that', async () => {
    const { status, headers } = await ask('/crl/issuing.crl', { range: 'bytes=1000-' });
    expect([status, headers['cache-control'], headers.expires]).toEqual([416, 'no-store', undefined]);
    expect(headers).not.toHaveProperty('content-type');
  });

  it('says by no time that nothing changed of a list that was signed in the same second as the one before', async () => {
    const { headers } = await ask('/crl/issuing/7.crl');
    expect([headers['last-modified'], headers.expires]).toEqual([undefined, nextUpdate.toUTCString()]);
    const time = thisUpdate.toUTCString();
    const statusFor = async (more: Record<string, string>) => (await ask('/crl/issuing/7.crl', more)).status;
    expect(await statusFor({ 'if-modified-since': time })).toBe(200);
    expect(await statusFor({ range: 'bytes=0-1', 'if-range': time })).toBe(200);
    expect(await statusFor({ range: 'bytes=0-1', 'if-range': String(headers.etag) })).toBe(206);
    expect(await statusFor({ 'if-none-match': String(headers.etag) })).toBe(304);
  });

  it('says of no list that it was modified in the future, though it was signed by a clock that is ahead (RFC 9110 §8.8.2.1)', async () => {
    const { status, headers } = await ask('/crl/issuing/3.crl', { 'if-modified-since': tomorrow.toUTCString() });
    expect([status, headers['last-modified'], headers.etag]).toEqual([200, undefined, expect.any(String)]);
  });

  it.each<[string, number, string | undefined, number]>([
    ['bytes=0-99', 206, 'bytes 0-99/1000', 100],
    ['bytes=950-', 206, 'bytes 950-999/1000', 50],
    ['bytes=-10', 206, 'bytes 990-999/1000', 10],
    ['bytes=-5000', 206, 'bytes 0-999/1000', 1000],
    ['bytes=990-5000', 206, 'bytes 990-999/1000', 10],
    [`bytes=0-${'9'.repeat(400)}`, 206, 'bytes 0-999/1000', 1000],
    [`bytes=-${'9'.repeat(400)}`, 206, 'bytes 0-999/1000', 1000],
    ['bytes=7-7', 206, 'bytes 7-7/1000', 1],
    ['bytes=1000-', 416, 'bytes */1000', 0],
    [`bytes=${'9'.repeat(400)}-`, 416, 'bytes */1000', 0],
    ['bytes=-0', 416, 'bytes */1000', 0],
    ['bytes=5-1', 200, undefined, 1000],
    ['bytes=0-1,5-6', 200, undefined, 1000],
    ['bytes=-', 200, undefined, 1000],
    ['lines=0-1', 200, undefined, 1000],
  ])('answers the range %s with %d', async (range, status, contentRange, length) => {
    const answer = await ask('/crl/issuing.crl', { range });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-range']).toBe(contentRange);
    expect(answer.body).toHaveLength(length);
    const [, start] = /^bytes (\d+)-/.exec(contentRange ?? '') ?? [];
    if (start !== undefined)
      expect(answer.body.equals(octets.subarray(Number(start), Number(start) + length))).toBe(true);
  });

  it('knows no ranges of what HEAD asks about (RFC 9110 §14.2), and none where nobody asks for one', async () => {
    const { status, headers } = await ask('/crl/issuing.crl', { range: 'bytes=0-99' }, 'HEAD');
    expect([status, headers['content-length'], headers['content-range']]).toEqual([200, '1000', undefined]);
    expect(await ask('/crl/issuing.crl', { 'if-range': String(headers.etag) })).toMatchObject({ status: 200 });
  });

  it('sends a range only of the list that it was begun with', async () => {
    const tag = String((await ask('/crl/issuing.crl')).headers.etag);
    const statusFor = async (condition: string) =>
      (await ask('/crl/issuing.crl', { range: 'bytes=0-9', 'if-range': condition })).status;
    expect(await statusFor(tag)).toBe(206);
    expect(await statusFor(thisUpdate.toUTCString())).toBe(206);
    expect(await statusFor('"older"')).toBe(200);
  });
});
