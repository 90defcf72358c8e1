import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { readFileSync } from 'node:fs';
import { request, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { PEER_OF, REFUSALS, type PeerOf } from 'veritas/mtls';
import { standInIdentity, TestCa, type Issued, type TestCertificateOptions } from 'veritas/testing';
import { Oid } from 'veritas/x509';
import { temporaryFolder, writeFiles } from '../../test/support/folder.js';
import { AppModule } from './src/app.module.js';
import { httpsAdapter } from './src/https-adapter.js';
import { ordersSettings } from './src/orders.settings.js';

const HOUR = 3_600_000;
const ACME = { organization: 'Acme Corp' };
const acme = TestCa.root({ ...ACME, commonName: 'Acme Root' });
// Below the same root: a partner's CA, and one of Acme's own that has not published a revocation list yet.
const partner = acme.intermediate({ organization: 'Partner Ltd', commonName: 'Partner CA' });
const unlisted = acme.intermediate({ ...ACME, commonName: 'Acme Issuing 2' });

const issue = (options: TestCertificateOptions = {}): Issued =>
  acme.issue({ ...ACME, commonName: 'billing', ...options });
const billing = issue();
const shop = issue({ commonName: 'shop' });
const revoked = issue();

const environment: Record<string, string> = { ORDERS_SERVICES: 'billing,shop,reporting', ORDERS_PORT: '0' };

async function start(adapter: FastifyAdapter, peerOf?: PeerOf): Promise<NestFastifyApplication> {
  const builder = Test.createTestingModule({ imports: [AppModule] });
  if (peerOf) builder.overrideProvider(PEER_OF).useValue(peerOf);
  const testing = await builder.compile();
  const app = testing.createNestApplication<NestFastifyApplication>(adapter, { logger: false });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}

beforeAll(() => {
  const server = issue({ commonName: 'orders', names: [{ kind: 'dns', value: 'localhost' }] });
  const files = writeFiles(temporaryFolder(), {
    'ca.pem': acme.certificatePem + partner.certificatePem + unlisted.certificatePem,
    'server.pem': server.chainPem,
    'server.key': server.keyPem,
    'acme.crl': acme.crl([{ certificate: revoked.certificate, reason: 1 }]),
  });
  environment.ORDERS_CA_FILE = files['ca.pem'];
  environment.ORDERS_CERTIFICATE_FILE = files['server.pem'];
  environment.ORDERS_KEY_FILE = files['server.key'];
  environment.ORDERS_CRLS = files['acme.crl'];
  Object.assign(process.env, environment);
});

afterAll(() => {
  for (const name of Object.keys(environment)) Reflect.deleteProperty(process.env, name);
});

test('without its settings it ends with one sentence', async () => {
  Reflect.deleteProperty(process.env, 'ORDERS_CA_FILE');
  const said = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await import('./src/main.js');
    expect(said.mock.calls).toEqual([
      ['orders: ORDERS_CA_FILE is not set: examples/orders/README.md has the settings\n'],
    ]);
  } finally {
    said.mockRestore();
    process.exitCode = undefined;
    Object.assign(process.env, environment);
  }
});

describe('over TLS', () => {
  let app: NestFastifyApplication;
  let broken: NestFastifyApplication;

  beforeAll(async () => {
    app = await start(httpsAdapter(ordersSettings()));
    await app.listen(0, '127.0.0.1');
    const unreadable = (): never => {
      throw new Error('the database is at 10.0.0.1');
    };
    broken = await start(httpsAdapter(ordersSettings()), ({ raw }) => ({ connection: raw, certificate: unreadable }));
    await broken.listen(0, '127.0.0.1');
  });

  afterAll(async () => {
    await app.close();
    await broken.close();
  });

  async function call(path: string, client?: Pick<Issued, 'chainPem' | 'keyPem'>, { of = app, method = 'GET' } = {}) {
    const { port } = of.getHttpServer().address() as AddressInfo;
    const tls: RequestOptions = client ? { cert: client.chainPem, key: client.keyPem } : {};
    const ca = acme.certificatePem;
    return new Promise<[number | undefined, Record<string, unknown>]>((resolve, reject) => {
      request({ host: 'localhost', port, path, method, ca, agent: false, ...tls }, (response) => {
        text(response).then((body) => {
          resolve([response.statusCode, JSON.parse(body) as Record<string, unknown>]);
        }, reject);
      })
        .on('error', reject)
        .end();
    });
  }

  test('both services may list, and the handler knows which one asks', async () => {
    expect(await call('/orders', billing)).toEqual([200, { orders: ['A-1', 'A-2'], askedBy: 'billing' }]);
    expect(await call('/orders', shop)).toEqual([200, { orders: ['A-1', 'A-2'], askedBy: 'shop' }]);
  });

  test('only the shop may cancel: controller and handler must both allow', async () => {
    expect(await call('/orders/A-1', shop, { method: 'DELETE' })).toEqual([200, { cancelled: 'A-1', by: 'shop' }]);
    const [status, problem] = await call('/orders/A-1', billing, { method: 'DELETE' });
    expect([status, problem.code]).toEqual([403, 'route_not_allowed']);
  });

  test('anybody may ask for health', async () => {
    expect(await call('/orders/health')).toEqual([200, { status: 'healthy' }]);
  });

  test('a path that nobody wrote is closed to strangers as well', async () => {
    expect(await call('/elsewhere')).toEqual([401, expect.objectContaining({ code: 'client_certificate_required' })]);
    expect((await call('/elsewhere', billing))[0]).toBe(404);
  });

  // No service has a rate here.
  type Refused = Exclude<keyof typeof REFUSALS, 'rate_limited'>;
  const refusals: Record<Refused, () => Promise<[number | undefined, Record<string, unknown>]>> = {
    client_certificate_required: () => call('/orders'),
    client_certificate_malformed: () =>
      call('/orders', acme.issueRaw({ commonName: 'billing', names: [{ kind: 'dns', value: 'billing\0.acme' }] })),
    untrusted_issuer: () => call('/orders', TestCa.root(ACME).issue({ ...ACME, commonName: 'billing' })),
    certificate_not_yet_valid: () => call('/orders', issue({ notBefore: new Date(Date.now() + HOUR) })),
    certificate_expired: () =>
      call('/orders', issue({ notBefore: new Date(Date.now() - 2 * HOUR), notAfter: new Date(Date.now() - HOUR) })),
    wrong_issuer: () => call('/orders', partner.issue({ commonName: 'billing' })),
    wrong_key_usage: () => call('/orders', issue({ purposes: [Oid.serverAuth] })),
    certificate_revoked: () => call('/orders', revoked),
    revocation_unknown: () => call('/orders', unlisted.issue({ ...ACME, commonName: 'billing' })),
    service_not_allowed: () => call('/orders', issue({ commonName: 'stranger' })),
    route_not_allowed: () => call('/orders', issue({ commonName: 'reporting' })),
    validation_failed: () => call('/orders', billing, { of: broken }),
  };

  test.each(Object.entries(refusals))('refused: %s', async (code, attempt) => {
    const [status, problem] = await attempt();
    expect([status, problem.code]).toEqual([REFUSALS[code as keyof typeof REFUSALS].status, code]);
    expect(JSON.stringify(problem)).not.toMatch(/10\.0\.0\.1|reporting,|node_modules/);
  });
});

describe('without TLS, by a stand-in', () => {
  const standIn = standInIdentity({ issue });
  let app: NestFastifyApplication;

  beforeAll(async () => {
    app = await start(new FastifyAdapter(), standIn.peerOf);
  });

  afterAll(() => app.close());

  test('billing lists, and does not cancel', async () => {
    const headers = standIn.headers('billing');
    expect((await app.inject({ url: '/orders', headers })).json()).toMatchObject({ askedBy: 'billing' });
    expect((await app.inject({ method: 'DELETE', url: '/orders/A-1', headers })).statusCode).toBe(403);
  });

  test('a stranger is refused by the allow-list', async () => {
    const answer = await app.inject({ url: '/orders', headers: standIn.headers('stranger') });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([403, 'service_not_allowed']);
  });

  test('without the header there is no certificate', async () => {
    expect((await app.inject({ url: '/orders' })).statusCode).toBe(401);
  });
});

test.each(['README.md', 'examples/orders/README.md'])('%s shows the controller as it is', (file) => {
  expect(readFileSync(file, 'utf8')).toContain(readFileSync('examples/orders/src/orders.controller.ts', 'utf8'));
});
