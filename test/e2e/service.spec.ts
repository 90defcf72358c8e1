import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EventBus } from '../../src/events/index.js';
import { CaService, openCertificationAuthority } from '../../src/pki/index.js';
import { openStore } from '../../src/store/index.js';
import { decodeCertificate, decodeCertificateList, decodePem, Oid, attributeValues } from '../../src/x509/index.js';
import { send } from '../support/certificate-client.js';
import { get, RawConnection } from '../support/client.js';
import { temporaryFolder } from '../support/folder.js';
import { configurationIn, developmentTls, getPlain, startIn } from '../support/service.js';

let service: Awaited<ReturnType<typeof startIn>>;
const https = (): number => service.ports.https;
const plain = (): number => service.ports.repository ?? 0;
const nobody = () => developmentTls(service.folder);
const client = () => developmentTls(service.folder, 'client');

beforeAll(async () => {
  service = await startIn();
});
afterAll(() => service.close());

function snapshot(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]),
  );
}

describe('the five checks of the system before it', () => {
  test('health without a certificate: 200', async () => {
    for (const path of ['/health', '/api/v1/health']) {
      const answer = await get(https(), path, nobody());
      expect([answer.status, answer.json.status, answer.json.mtls]).toEqual([200, 'healthy', 'enabled']);
      expect(Object.keys(answer.json.parts as object)).toEqual([
        'store',
        'issuing_ca',
        'crl',
        'ocsp',
        'server_certificate',
      ]);
    }
  });

  test('the API without a certificate: 401', async () => {
    const answer = await get(https(), '/api/v1/test', nobody());
    expect([answer.status, answer.json.code]).toEqual([401, 'client_certificate_required']);
  });

  test('the API with one: 200 with service and common name', async () => {
    const answer = await get(https(), '/api/v1/test', client());
    expect([answer.status, answer.json]).toEqual([
      200,
      {
        message: 'mTLS authentication successful',
        client: { service: 'veritas-client', common_name: 'veritas-client', authenticated: true },
      },
    ]);
  });

  test('certificate-info', async () => {
    const [block] = decodePem(readFileSync(join(service.folder, 'certs/client_cert.pem')));
    const certificate = decodeCertificate(block?.octets ?? new Uint8Array());
    expect((await get(https(), '/api/v1/certificate-info', client())).json).toMatchObject({
      subject: 'CN=veritas-client,O=VERITAS Framework',
      issuer: 'CN=VERITAS Issuing CA,O=VERITAS Framework',
      serial_number: certificate.serialNumber,
      not_after: certificate.notAfter.toISOString(),
      days_left: 364,
      public_key: { algorithm: 'EC', size: 256, curve: 'P-256' },
      key_usage: ['digitalSignature'],
      extended_key_usage: ['clientAuth'],
      fingerprint_sha256: certificate.fingerprint256,
    });
  });

  test('whoami', async () => {
    expect((await get(https(), '/api/v1/whoami', client())).json).toMatchObject({
      authenticated: true,
      service: 'veritas-client',
      common_name: 'veritas-client',
      spiffe_id: null,
      roles: [],
      established_by: { method: 'mtls', service_from: 'cn' },
    });
  });
});

test('/ names the service, its version and the protocol', async () => {
  expect((await get(https(), '/', client())).json).toEqual({
    service: 'veritas',
    version: expect.any(String),
    mtls: 'enabled',
    protocol: 'TLSv1.3',
  });
});

describe('the documentation', () => {
  test('the OpenAPI document names every path, and the routes that are public are these', async () => {
    const { json } = await get(https(), '/openapi.json', nobody());
    const paths = json.paths as Record<string, Record<string, { security: object[]; responses: object }>>;
    const open = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { security }]) =>
        security.every((requirement) => !('mutualTLS' in requirement)) ? [`${method.toUpperCase()} ${path}`] : [],
      ),
    );
    console.log(`@Public() routes:\n  ${open.join('\n  ')}`);
    expect(open.sort()).toEqual([
      'GET /.well-known/spiffe/bundle',
      'GET /api/v1/health',
      'GET /docs',
      'GET /docs/start.js',
      'GET /docs/{asset}',
      'GET /health',
      'GET /openapi.json',
      'GET /redoc',
      // Its own lock: a one-time token.
      'POST /api/v1/certificates/enrollment',
    ]);
    for (const [path, methods] of Object.entries(paths)) {
      if (!('get' in methods) || path.includes('{')) continue;
      const isOpen = open.includes(`GET ${path}`);
      expect([path, (await get(https(), path, nobody())).status]).toEqual([path, isOpen ? 200 : 401]);
      const needsRole = ['/api/v1/certificates', '/api/v1/services', '/api/v1/shadow-report', '/metrics'].includes(
        path,
      );
      expect([path, (await get(https(), path, client())).status]).toEqual([path, needsRole ? 403 : 200]);
    }
  });

  test('the OpenAPI document is in memory once, however many strangers do not take it', async () => {
    await get(https(), '/openapi.json', nobody());
    const session = connectHttp2(`https://localhost:${https()}`, {
      ...nobody(),
      ALPNProtocols: ['h2'],
      settings: { initialWindowSize: 0 },
    });
    const ask = async (): Promise<ClientHttp2Stream> => {
      const stream = session.request({ ':path': '/openapi.json' });
      await once(stream, 'response');
      return stream;
    };
    const before = process.memoryUsage().external;
    await Promise.all(Array.from({ length: 100 }, ask));
    const after = process.memoryUsage().external;
    session.destroy();
    expect(after - before).toBeLessThan(4 * 1024 * 1024);
  });

  test('whoever sends a certificate in a header, and is no trusted proxy, is refused on every path, as the OpenAPI document says', async () => {
    const { json } = await get(https(), '/openapi.json', nobody());
    const paths = json.paths as Record<string, Record<string, { responses: Record<string, object> }>>;
    for (const [path, methods] of Object.entries(paths))
      for (const [method, { responses }] of Object.entries(methods)) {
        const headers = { 'client-cert': ':AAAA:' };
        const { status, json } = await send(https(), { method: method.toUpperCase(), path, tls: nobody(), headers });
        expect([path, status, json.code]).toEqual([path, 400, 'client_certificate_malformed']);
        expect([path, JSON.stringify(responses[status])]).toEqual([
          path,
          expect.stringContaining(`"${String(json.code)}"`),
        ]);
      }
  });

  test('every asset of the pages is on this machine', async () => {
    for (const page of ['/docs', '/redoc']) {
      const { text, headers } = await get(https(), page, nobody());
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      const links = [...text.matchAll(/(?:src|href|spec-url)="([^"]+)"/g)].map(([, link = '']) => link);
      expect(links.length).toBeGreaterThan(1);
      for (const link of links) {
        expect(link).toMatch(/^\//);
        const asset = await get(https(), link, nobody());
        expect(asset.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
        // What ReDoc would ask for elsewhere.
        expect(asset.text).not.toContain('cdn.redoc');
        expect([link, asset.status]).toEqual([link, 200]);
        expect(asset.text.length).toBeGreaterThan(50);
      }
    }
  });

  test('nothing else is read from the disk', async () => {
    for (const path of [
      '/docs/package.json',
      '/docs/..%2fpackage.json',
      '/docs/../package.json',
      '/docs/%2e%2e/%2e%2e/package.json',
    ]) {
      const { status, headers } = await get(https(), path, nobody());
      expect([path, [401, 404].includes(status), headers['cache-control']]).toEqual([path, true, 'no-store']);
    }
  });
});

test('a path that does not exist, and a method that does not: problem documents', async () => {
  const answer = await get(https(), '/api/v1/nothing', client());
  expect([answer.status, answer.json.code, answer.headers['content-type']]).toEqual([
    404,
    'not_found',
    'application/problem+json; charset=utf-8',
  ]);
  for (const [method, path] of [
    ['POST', '/api/v1/test'],
    ['DELETE', '/health'],
    ['OPTIONS', '/api/v1/whoami'],
    ['TRACE', '/'],
  ] as const) {
    const { status, json } = await send(https(), { method, path, tls: client() });
    expect([method, status, json.code, json.status_code]).toEqual([method, 404, 'not_found', 404]);
    const stranger = await send(https(), { method, path, tls: nobody() });
    expect([method, stranger.status, stranger.json.code]).toEqual([method, 401, 'client_certificate_required']);
  }
});

test('no cache keeps an answer that is for who asked; what is for everybody says so', async () => {
  for (const http of ['HTTP/1.1', 'HTTP/2'] as const) {
    for (const path of [
      '/',
      '/api/v1/test',
      '/api/v1/whoami',
      '/api/v1/certificate-info',
      '/nothing',
      '/%zz',
      '/health',
    ])
      expect([path, (await get(https(), path, client(), http)).headers['cache-control']]).toEqual([path, 'no-store']);
    expect((await get(https(), '/docs/start.js', nobody(), http)).headers['cache-control']).toBe('no-store');
    expect((await get(https(), '/docs/swagger-ui.css', nobody(), http)).headers['cache-control']).toMatch(/^public/);
  }
});

test('a request id of the caller comes back; one that could break a log line does not', async () => {
  const tls = nobody();
  expect(
    (await get(https(), '/api/v1/test', tls, 'HTTP/1.1', { 'x-request-id': 'order-4711-a' })).json.request_id,
  ).toBe('order-4711-a');
  expect((await get(https(), '/api/v1/test', tls, 'HTTP/1.1', { 'x-request-id': 'x"}\t{' })).json.request_id).toMatch(
    /^[0-9a-f]{12}-[0-9a-z]+$/,
  );
});

describe('the repository', () => {
  test('serves CA certificates, the bundle and CRLs over plain HTTP', async () => {
    const root = decodeCertificate((await getPlain(plain(), '/ca/root.cer')).body);
    const issuing = decodeCertificate((await getPlain(plain(), '/ca/issuing.cer')).body);
    expect(attributeValues(issuing.issuer, Oid.commonName)).toEqual(['VERITAS Root CA']);
    expect(
      decodePem((await getPlain(plain(), '/ca/bundle.pem')).body).map(
        ({ octets }) => decodeCertificate(octets).fingerprint256,
      ),
    ).toEqual([root.fingerprint256, issuing.fingerprint256]);
    expect(decodePem((await getPlain(plain(), '/ca/issuing.pem')).body)).toHaveLength(1);
    for (const [name, issuer] of [
      ['root', root],
      ['issuing', issuing],
    ] as const) {
      const { body, type } = await getPlain(plain(), `/crl/${name}.crl`);
      expect(type).toBe('application/pkix-crl');
      expect(decodeCertificateList(body).issuer.key).toBe(issuer.subject.key);
    }
  });

  test('answers the probes, and 404 for everything else', async () => {
    expect((await getPlain(plain(), '/livez')).status).toBe(200);
    expect((await getPlain(plain(), '/readyz')).status).toBe(200);
    for (const path of [
      '/',
      '/ca/nobody.cer',
      '/ca/root.key',
      '/ca/..%2fca%2fpassphrase',
      '/crl/root',
      '/health',
      '/api/v1/test',
    ])
      expect([path, (await getPlain(plain(), path)).status]).toEqual([path, 404]);
  });

  test('reads no body, and says so with a problem document too', async () => {
    for (const [body, status, code] of [
      ['{', 400, 'bad_request'],
      [`"${'a'.repeat(5_000)}"`, 413, 'payload_too_large'],
    ] as const) {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`http://127.0.0.1:${plain()}/livez`, { method: 'POST', headers, body });
      expect([answer.status, answer.headers.get('content-type')?.replace(/;.*/, '')]).toEqual([
        status,
        'application/problem+json',
      ]);
      expect(await answer.json()).toMatchObject({ code, status_code: status });
    }
  });

  test('says no with whole problem documents', async () => {
    const how = 'as application/ocsp-request by POST to /ocsp';
    for (const [path, status, code, says] of [
      ['/nothing', 404, 'not_found', 'nothing here'],
      ['/crl/nobody.crl', 404, 'not_found', 'nothing here'],
      ['/%zz', 400, 'bad_request', 'cannot be routed'],
      ['/ocsp', 405, 'method_not_allowed', how],
      ['/ocsp/abc', 400, 'bad_request', how],
      [`/ca/${'a'.repeat(20_000)}`, 431, 'request_header_fields_too_large', 'too large'],
    ] as const) {
      const { status: got, type, body } = await getPlain(plain(), path);
      expect([got, type.replace(/;.*/, '')]).toEqual([status, 'application/problem+json']);
      expect(JSON.parse(body.toString('utf8'))).toEqual({
        type: `urn:veritas:problem:${code}`,
        title: STATUS_CODES[status],
        status,
        detail: expect.stringContaining(says),
        code,
        request_id: expect.any(String),
        error: expect.stringContaining(says),
        status_code: status,
      });
    }
  });
});

test('what another process revokes counts within a second, on an open connection', async () => {
  const connection = await RawConnection.open(https(), client());
  expect((await connection.get('/api/v1/test')).status).toBe(200);
  const { serial_number: serialNumber } = (await connection.get('/api/v1/certificate-info')).json as {
    serial_number: string;
  };
  const { store: settings, pki } = configurationIn(service.folder);
  // Nothing tells the service: it looks by itself, this often, and the next request counts.
  expect(settings.pollInterval).toBeLessThan(1000);
  const events = service.application.get(EventBus, { strict: false });
  const known = new Promise((resolve) => events.on('revocations.changed', resolve));
  const store = await openStore({ path: settings.path });
  const elsewhere = await openCertificationAuthority({ settings: pki, store });
  await elsewhere.ca.revoke({ serialNumber, reason: 'keyCompromise', requester: { actor: 'test', requestId: 'r-1' } });
  await store.close();
  await known;
  expect((await connection.get('/api/v1/test')).json.code).toBe('certificate_revoked');
  await connection.untilClosed();
  // The CRL follows.
  for (;;) {
    const list = decodeCertificateList((await getPlain(plain(), '/crl/issuing.crl')).body);
    if ([...list.revokedCertificates()].some((entry) => entry.serialNumber === serialNumber && entry.reason === 1))
      break;
    await wait(10);
  }
});

test('a service that can let nobody in is unhealthy, says which part is, and is not ready; it is alive', async () => {
  const lost = await startIn();
  const { issuing } = lost.application.get(CaService, { strict: false });
  const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
  await lost.application
    .get(CaService, { strict: false })
    .revoke({ serialNumber: issuing.certificate.serialNumber, reason: 'cACompromise', requester });
  for (const path of ['/health', '/api/v1/health']) {
    const { status, json } = await get(lost.ports.https, path, developmentTls(lost.folder));
    expect([status, json.status, json.mtls]).toEqual([503, 'unhealthy', 'enabled']);
    expect(json.parts).toMatchObject({
      issuing_ca: { state: 'down', detail: 'revoked' },
      server_certificate: { state: 'up' },
    });
  }
  const probe = async (path: string) => {
    const { status, body } = await getPlain(lost.ports.repository ?? 0, path);
    return [status, body.toString('utf8')];
  };
  expect(await probe('/readyz')).toEqual([503, '{"status":"not ready"}']);
  expect(await probe('/livez')).toEqual([200, '{"status":"alive"}']);
  const refused = await get(lost.ports.https, '/api/v1/test', developmentTls(lost.folder, 'client'));
  expect([refused.status, refused.json.code]).toEqual([403, 'certificate_revoked']);
  await lost.close();
});

test('a second start changes nothing, and keeps what was revoked', async () => {
  const folder = temporaryFolder();
  await (await startIn(folder)).close();
  const before = snapshot(join(folder, 'certs'));
  expect(Object.keys(before)).toHaveLength(11);
  const again = await startIn(folder);
  await again.close();
  expect(snapshot(join(folder, 'certs'))).toEqual(before);
  for (const path of Object.keys(before).filter((name) => /key|passphrase/.test(name)))
    expect([path, statSync(path).mode & 0o777]).toEqual([path, 0o600]);
  expect(statSync(join(folder, 'certs/ca')).mode & 0o777).toBe(0o700);
});

test('a service that was told not to set up says what is missing', async () => {
  await expect(startIn(temporaryFolder(), { VERITAS_PKI_AUTO_SETUP: 'false' })).rejects.toThrow(/there is no CA/);
});

test('a port in use: the start fails, and leaves nothing running', async () => {
  await expect(startIn(temporaryFolder(), { VERITAS_HTTP_PORT: String(https()) })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});
