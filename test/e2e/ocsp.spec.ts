import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { connect } from 'node:tls';
import { CaService } from '../../src/pki/index.js';
import type { RunningService } from '../../src/service.js';
import {
  certIdOf,
  decodeOcspResponse,
  encodeOcspRequest,
  Oid,
  verifyOcspResponse,
  type Certificate,
  type CertIdDigest,
} from '../../src/x509/index.js';
import { certificationRequest } from '../support/certification-request.js';
import { developmentTls, getPlain, startIn } from '../support/service.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

let service: RunningService & { folder: string };
let ca: CaService;
let port: number;
beforeAll(async () => {
  service = await startIn();
  ca = service.application.get(CaService, { strict: false });
  port = service.ports.repository ?? 0;
});
afterAll(() => service.close());

const requester = { actor: 'test', requestId: 'ocsp' };
const issue = async (): Promise<Certificate> =>
  (await ca.issue({ request: certificationRequest(), requester })).certificate;
const requestFor = (serialNumber: string, digest?: CertIdDigest, nonce?: Uint8Array): Uint8Array =>
  encodeOcspRequest([certIdOf(ca.issuing.certificate, serialNumber, digest)], nonce);

function send(
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: Uint8Array; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}
const post = (body: Uint8Array, type = 'application/ocsp-request', path = '/ocsp'): Promise<Answer> =>
  send('POST', path, { body, headers: { 'content-type': type } });
const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
const get = (octets: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> =>
  send('GET', `/ocsp/${encodeURIComponent(base64(octets))}`, { headers });
const statusIn = ({ status, headers, body }: Answer, serialNumber: string, nonce?: Uint8Array): string => {
  expect([status, headers['content-type']]).toEqual([200, 'application/ocsp-response']);
  const verdict = verifyOcspResponse(decodeOcspResponse(body), {
    issuer: ca.issuing.certificate,
    serialNumber,
    nonce,
    time: new Date(),
  });
  if (!verdict.ok) throw new Error(verdict.why);
  return verdict.certStatus.status;
};

describe('OCSP over HTTP', () => {
  it('says where to ask in certificates, the responder’s own apart', async () => {
    const accessOf = ({ extensions }: Certificate) =>
      extensions.authorityInfoAccess?.map(({ accessMethod, accessLocation }) => [accessMethod, accessLocation.value]);
    const ocsp = [Oid.ocsp, 'http://localhost:5080/ocsp'];
    const certificate = await issue();
    expect(accessOf(certificate)).toContainEqual(ocsp);
    expect(accessOf(ca.issuing.certificate)).toContainEqual(ocsp);
    const { body } = await post(requestFor(certificate.serialNumber));
    const [responder] = decodeOcspResponse(body).basic!.certificates;
    expect(accessOf(responder!)).toEqual([[Oid.caIssuers, 'http://localhost:5080/ca/issuing.cer']]);
  });

  it('answers POST and GET with the same octets, and tells caches until when', async () => {
    const { serialNumber } = await issue();
    const octets = requestFor(serialNumber);
    const posted = await post(octets);
    const { status, headers, body } = await get(octets);
    expect(statusIn(posted, serialNumber)).toBe('good');
    expect([status, body.equals(posted.body)]).toEqual([200, true]);
    const [response] = decodeOcspResponse(body).basic!.responses;
    expect(headers).toMatchObject({
      'last-modified': response!.thisUpdate.toUTCString(),
      expires: response!.nextUpdate!.toUTCString(),
      etag: expect.stringMatching(/^"[\w-]{43}"$/),
    });
    const [, seconds] = /^max-age=(\d+), public, no-transform, must-revalidate$/.exec(headers['cache-control']!)!;
    const left = (response!.nextUpdate!.getTime() - Date.now()) / 1000;
    expect(Math.abs(Number(seconds) - left)).toBeLessThan(5);
    const again = await get(octets, { 'if-none-match': headers.etag! });
    expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, headers.etag]);
    // The status may have changed within that second: by a time nobody is told that nothing did.
    expect((await get(octets, { 'if-modified-since': headers['last-modified']! })).status).toBe(200);
    expect((await get(octets, { 'if-none-match': '"other"' })).status).toBe(200);
    const head = await send('HEAD', `/ocsp/${base64(octets)}`);
    expect([head.status, head.body.length, head.headers['content-length']]).toEqual([200, 0, String(body.length)]);
  });

  it('reads base64 with its slashes, pluses and equals signs as they are, or percent-encoded', async () => {
    // The digests are as they are, the serial number is ours to choose. Two slashes in a row are not one.
    const texts = Array.from({ length: 36 }, (_, i) => {
      const serial = `4f${'ff'.repeat(3 + (i % 6))}fbefbefbefbe${'fb'.repeat(Math.floor(i / 6))}`;
      return [serial, base64(requestFor(serial))] as const;
    }).filter(([, text]) => ['//', '+', '='].every((each) => text.includes(each)));
    expect(texts.length).toBeGreaterThan(0);
    for (const [serial, text] of texts)
      for (const path of [text, encodeURIComponent(text), text.replaceAll('/', '%2f'), text.replaceAll('=', '%3D')])
        expect(statusIn(await send('GET', `/ocsp/${path}`), serial)).toBe('unknown');
  });

  it('takes one more slash before the base64, as whoever adds one to a URL that ends with one sends it', async () => {
    const { serialNumber } = await issue();
    const text = base64(requestFor(serialNumber));
    for (const path of [`/${text}`, `/${encodeURIComponent(text)}`, `%2F${text}`]) {
      const answer = await send('GET', `/ocsp/${path}`);
      expect(statusIn(answer, serialNumber)).toBe('good');
      expect(answer.headers['cache-control']).toContain('max-age');
    }
  });

  it('takes the whole URL for its path, as whoever is configured with a proxy sends it', async () => {
    const { serialNumber } = await issue();
    const octets = requestFor(serialNumber);
    const url = 'HTTP://pki.example:5080/ocsp';
    expect(statusIn(await send('GET', `${url}/${encodeURIComponent(base64(octets))}`), serialNumber)).toBe('good');
    expect(statusIn(await post(octets, undefined, url), serialNumber)).toBe('good');
  });

  it('signs anew for a nonce, which no cache may keep', async () => {
    const { serialNumber } = await issue();
    await get(requestFor(serialNumber));
    for (const nonce of [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(128, 3), Buffer.of(4)])
      for (const ask of [get, post]) {
        const answer = await ask(requestFor(serialNumber, 'sha256', nonce));
        expect(statusIn(answer, serialNumber, nonce)).toBe('good');
        expect(answer.headers['cache-control']).toBe('no-store');
        expect(answer.headers.etag).toBeUndefined();
      }
  });

  it('knows what this process revokes at once, and what was never issued not at all', async () => {
    const { serialNumber } = await issue();
    const octets = requestFor(serialNumber);
    expect(statusIn(await get(octets), serialNumber)).toBe('good');
    await ca.revoke({ serialNumber, reason: 'superseded', requester });
    expect(statusIn(await get(octets), serialNumber)).toBe('revoked');
    const unknown = await get(requestFor('7f'.repeat(16)));
    expect(statusIn(unknown, '7f'.repeat(16))).toBe('unknown');
    expect(unknown.headers['cache-control']).toBe('no-store');
  });

  it('answers about the issuing CA for the root', async () => {
    const root = ca.authorities.find(({ id }) => id === 'root')!.certificate;
    const { serialNumber } = ca.issuing.certificate;
    const { body } = await post(encodeOcspRequest([certIdOf(root, serialNumber)]));
    const verdict = verifyOcspResponse(decodeOcspResponse(body), { issuer: root, serialNumber, time: new Date() });
    expect(verdict).toMatchObject({ ok: true, certStatus: { status: 'good' } });
  });

  it('says no as an OCSP response, with status 200: malformed, another issuer, too many, a nonce too long', async () => {
    const refused = async (octets: Uint8Array): Promise<string> => {
      const { status, headers, body } = await post(octets);
      expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
      return decodeOcspResponse(body).status;
    };
    const certId = certIdOf(ca.issuing.certificate, '7f');
    expect(await refused(Buffer.from('nonsense'))).toBe('malformedRequest');
    expect(await refused(new Uint8Array())).toBe('malformedRequest');
    expect(await refused(requestFor('7f', 'sha1', Buffer.alloc(129)))).toBe('malformedRequest');
    expect(await refused(requestFor('7f', 'sha1', Buffer.alloc(3000)))).toBe('malformedRequest');
    expect(await refused(encodeOcspRequest(Array.from({ length: 33 }, () => certId)))).toBe('malformedRequest');
    const stranger = { subject: ca.issuing.certificate.subject, publicKey: (await issue()).publicKey };
    expect(await refused(encodeOcspRequest([certIdOf(stranger, '7f')]))).toBe('unauthorized');
    const many = await post(
      encodeOcspRequest(
        Array.from({ length: 32 }, () => certId),
        Buffer.alloc(128, 1),
      ),
    );
    expect(decodeOcspResponse(many.body).basic?.responses).toHaveLength(32);
  });

  it('reads a request as long as one may be, by POST and by GET', async () => {
    const longest = Buffer.alloc(4096);
    for (const answer of [await post(longest), await send('GET', `/ocsp/${longest.toString('base64')}`)])
      expect([answer.status, decodeOcspResponse(answer.body).status]).toEqual([200, 'malformedRequest']);
  });

  it.each<[string, string, string, { body?: Uint8Array; headers?: Record<string, string> }, number]>([
    ['another method', 'PUT', '/ocsp', {}, 405],
    ['GET without a request', 'GET', '/ocsp', {}, 405],
    ['GET without a request, after the slash', 'GET', '/ocsp/', {}, 405],
    ['POST to a request', 'POST', '/ocsp/MEIw', {}, 405],
    ['no base64', 'GET', '/ocsp/hello~world', {}, 400],
    ['nothing behind two slashes', 'GET', '/ocsp//', {}, 400],
    ['base64 behind three slashes', 'GET', '/ocsp///MEIw', {}, 400],
    ['half a percent-encoding', 'GET', '/ocsp/MEIw%2', {}, 400],
    ['percent-encoded octets that are no text', 'GET', '/ocsp/%ff%fe', {}, 400],
    ['base64 without its padding', 'GET', '/ocsp/MEI', {}, 400],
    ['a query', 'GET', '/ocsp/MEIw?a=b', {}, 400],
    ['a request of 4 099 octets in the path', 'GET', `/ocsp/${'A'.repeat(5468)}`, {}, 400],
    ['that, percent-encoded', 'GET', `/ocsp/${'%2B%2F'.repeat(2734)}`, {}, 431],
    ['64 kB in the path', 'GET', `/ocsp/${'A'.repeat(65_536)}`, {}, 431],
    ['another type', 'POST', '/ocsp', { body: Buffer.of(0), headers: { 'content-type': 'text/plain' } }, 415],
    ['no type', 'POST', '/ocsp', { body: Buffer.of(0) }, 415],
    [
      'a body of 4 097 octets',
      'POST',
      '/ocsp',
      { body: Buffer.alloc(4097), headers: { 'content-type': 'application/ocsp-request' } },
      413,
    ],
    [
      'a body of 4 097 octets in one chunk',
      'POST',
      '/ocsp',
      {
        body: Buffer.alloc(4097),
        headers: { 'content-type': 'application/ocsp-request', 'transfer-encoding': 'chunked' },
      },
      413,
    ],
    [
      'a body of a megabyte in chunks',
      'POST',
      '/ocsp',
      {
        body: Buffer.alloc(1_048_576),
        headers: { 'content-type': 'application/ocsp-request', 'transfer-encoding': 'chunked' },
      },
      413,
    ],
    ['a neighbour of the path', 'GET', '/ocspx', {}, 404],
    ['the path in another place', 'GET', '/ca/ocsp', {}, 404],
  ])('refuses %s', async (_, method, path, more, status) => {
    // Who still sends when the answer comes may find the connection closed before it was read.
    const answer = await send(method, path, more).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
    if (typeof answer === 'object')
      expect([answer.status, answer.headers['cache-control']]).toEqual([status, 'no-store']);
    else expect([status, answer]).toEqual([413, expect.stringMatching(/ECONNRESET|EPIPE/)]);
    expect((await getPlain(port, '/livez')).status).toBe(200);
  });

  it('says by which methods each place can be asked', async () => {
    const allowed = async (method: string, path: string) => (await send(method, path)).headers.allow;
    for (const path of ['/ocsp', '/ocsp/'])
      for (const method of ['GET', 'HEAD', 'PUT']) expect(await allowed(method, path)).toBe('POST');
    for (const method of ['POST', 'PUT']) expect(await allowed(method, '/ocsp/MEIw')).toBe('GET, HEAD');
    expect(statusIn(await post(requestFor('7f'), undefined, '/ocsp/'), '7f')).toBe('unknown');
  });

  it('a type in capitals, with a parameter, is the type', async () => {
    const answer = await post(requestFor('7f'), 'Application/OCSP-Request; charset=binary');
    expect(statusIn(answer, '7f')).toBe('unknown');
  });

  it('several requests on one connection, sent before the first is answered', async () => {
    const { serialNumber } = await issue();
    const line = `GET /ocsp/${base64(requestFor(serialNumber))} HTTP/1.1\r\nHost: localhost\r\n`;
    const socket = connectSocket(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write(`${line}\r\n${line}\r\n${line}Connection: close\r\n\r\n`);
    await once(socket, 'close');
    expect(
      Buffer.concat(chunks)
        .toString('latin1')
        .match(/HTTP\/1\.1 200 OK/g),
    ).toHaveLength(3);
  });
});

describe('stapling', () => {
  /** What the HTTPS listener staples; undefined until it does. */
  async function stapled(version: 'TLSv1.2' | 'TLSv1.3', alpn: string): Promise<Buffer> {
    for (;;) {
      const socket = connect({
        ...developmentTls(service.folder),
        port: service.ports.https,
        requestOCSP: true,
        minVersion: version,
        maxVersion: version,
        ALPNProtocols: [alpn],
      });
      const told = once(socket, 'OCSPResponse') as Promise<[Buffer | null]>;
      await once(socket, 'secureConnect');
      socket.destroy();
      const [response] = await told;
      if (response) return response;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it.each([
    ['TLSv1.2', 'http/1.1'],
    ['TLSv1.2', 'h2'],
    ['TLSv1.3', 'http/1.1'],
    ['TLSv1.3', 'h2'],
  ] as const)('the service staples its own response on %s, %s', async (version, alpn) => {
    const { rows } = await ca.list({ service: 'veritas.local' });
    const verdict = verifyOcspResponse(decodeOcspResponse(await stapled(version, alpn)), {
      issuer: ca.issuing.certificate,
      serialNumber: rows[0]!.serial,
      time: new Date(),
    });
    expect(verdict).toMatchObject({ ok: true, certStatus: { status: 'good' } });
  });

  it('and says so when it is revoked', async () => {
    const { rows } = await ca.list({ service: 'veritas.local' });
    await ca.revoke({ serialNumber: rows[0]!.serial, requester });
    let status = '';
    while (status !== 'revoked') {
      const { basic } = decodeOcspResponse(await stapled('TLSv1.3', 'h2'));
      status = basic!.responses[0]!.certStatus.status;
    }
    expect(status).toBe('revoked');
  });
});

it('without OCSP: no place in certificates, nobody answers, nothing is stapled', async () => {
  const plain = await startIn(undefined, { VERITAS_PKI_OCSP: 'false' });
  try {
    const own = plain.application.get(CaService, { strict: false });
    const { certificate } = await own.issue({ request: certificationRequest(), requester });
    expect(certificate.extensions.authorityInfoAccess).toHaveLength(1);
    expect((await getPlain(plain.ports.repository ?? 0, '/ocsp/MEIw')).status).toBe(404);
  } finally {
    await plain.close();
  }
});
