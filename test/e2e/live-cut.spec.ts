import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { request } from 'node:https';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Sse } from '@nestjs/common';
import { afterEach, describe, expect, test } from '@jest/globals';
import { interval, map, type Observable } from 'rxjs';
import { allOf, anyOf, readTrustAnchors, RequireRoles, services, type MtlsOptions } from '../../src/mtls/index.js';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { clientTls, getHttp2, RawConnection, PROTOCOLS, type HttpVersion, type TlsVersion } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { WRITTEN } from '../support/forwarded-headers.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../support/guarded-app.js';
import { createApp, portOf, serverTls } from '../support/transport-app.js';

const HOUR = 3_600_000;
const root = TestCa.root();
const issuing = root.intermediate();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(options: Partial<MtlsOptions>): Promise<GuardedApp> {
  const guarded = await startGuardedApp(issuing, options);
  closing.push(() => guarded.app.close());
  return guarded;
}

/** A connection that has been let in on `/orders`: `closed` when the server ends it, `ask` for one more request. */
async function visitor(
  port: number,
  client: Issued,
  [tls, http]: readonly [TlsVersion, HttpVersion],
  path = '/orders',
) {
  if (http === 'HTTP/1.1') {
    const connection = await RawConnection.open(port, clientTls(issuing, client, tls));
    expect((await connection.get(path)).status).toBe(200);
    closing.push(() => {
      connection.close();
    });
    return { closed: once(connection.socket, 'close'), ask: async () => (await connection.get(path)).status };
  }
  const session = connectHttp2(`https://localhost:${port}`, {
    ...clientTls(issuing, client, tls),
    ALPNProtocols: ['h2'],
  });
  session.setMaxListeners(50);
  expect((await getHttp2(session, path)).status).toBe(200);
  closing.push(() => {
    session.destroy();
  });
  return {
    closed: Promise.all([once(session, 'goaway'), once(session, 'close')]),
    ask: async () => (await getHttp2(session, path)).status,
  };
}

describe.each(PROTOCOLS)('%s, %s: an open connection ends without another request', (...version) => {
  const billing = issuing.issue({ commonName: 'billing' });
  const orders = issuing.issue({ commonName: 'orders' });

  test('when its certificate is revoked, and another one notices nothing', async () => {
    const folder = temporaryFolder();
    const [rootCrl, crl] = [join(folder, 'root.crl'), join(folder, 'issuing.crl')];
    writeFileSync(rootCrl, root.crl());
    writeFileSync(crl, issuing.crl());
    const { port } = await start({ revocation: { crls: [{ source: rootCrl }, { source: crl }], refreshInterval: 20 } });
    const lost = await visitor(port, billing, version);
    const other = await visitor(port, orders, version);
    const logged = LogLines.shared.next('connections_cut');
    replaceFile(crl, issuing.crl([{ certificate: billing.certificate }]));
    await lost.closed;
    expect(await logged).toMatchObject({
      code: 'certificate_revoked',
      connections: 1,
      fingerprint256: billing.certificate.fingerprint256,
    });
    expect(await other.ask()).toBe(200);
  });

  test('when its service is taken off the allow-list; a route for any service lets it in again, and keeps it', async () => {
    let allowed = services('billing', 'orders');
    let epoch = 0;
    const { port } = await start({
      services: Object.defineProperty((...about: Parameters<typeof allowed>) => allowed(...about), 'epoch', {
        get: () => epoch,
      }),
    });
    const lost = await visitor(port, billing, version);
    const other = await visitor(port, orders, version);
    const change = (...names: string[]): void => {
      allowed = services(...names);
      epoch++;
    };
    change('orders');
    await lost.closed;
    expect(await other.ask()).toBe(200);
    const guest = await visitor(port, billing, version, '/mine');
    const cut = LogLines.shared.next('connections_cut');
    change();
    expect(await cut).toMatchObject({ code: 'service_not_allowed', fingerprint256: orders.certificate.fingerprint256 });
    await other.closed;
    expect(await guest.ask()).toBe(200);
  });

  test('when its certificate expires', async () => {
    let clock = Date.now();
    const { port } = await start({ clock: () => new Date(clock) });
    const short = issuing.issue({ commonName: 'billing', notAfter: new Date(Date.now() + HOUR) });
    const lost = await visitor(port, short, version);
    const other = await visitor(
      port,
      issuing.issue({ commonName: 'orders', notAfter: new Date(clock + 20 * HOUR) }),
      version,
    );
    clock += 2 * HOUR;
    await lost.closed;
    expect(await other.ask()).toBe(200);
  });

  test('when its CA is no longer trusted', async () => {
    const second = TestCa.root();
    const both = readTrustAnchors([root.certificatePem, second.certificatePem], issuing.chainPem);
    const narrowed = readTrustAnchors(second.certificatePem);
    let trust = both;
    const { port } = await start({ trustAnchors: () => trust });
    const lost = await visitor(port, billing, version);
    const other = await visitor(port, second.issue({ commonName: 'billing' }), version);
    trust = narrowed;
    await lost.closed;
    expect(await other.ask()).toBe(200);
  });
});

test.each([
  ['allOf', allOf, services('billing')],
  ['anyOf', anyOf, services('nobody')],
])(
  'an open connection ends as well when a list changes that %s has put together with another one',
  async (_, join, other) => {
    let allowed = services('billing');
    let epoch = 0;
    const changing = Object.defineProperty((...about: Parameters<typeof allowed>) => allowed(...about), 'epoch', {
      get: () => epoch,
    });
    const { port } = await start({ services: join(other, join(other, changing)) });
    const { closed } = await visitor(port, issuing.issue({ commonName: 'billing' }), ['TLSv1.3', 'HTTP/1.1']);
    allowed = services('orders');
    epoch++;
    await closed;
  },
);

test('an answer that is under way gets through', async () => {
  let epoch = 0;
  let allowed = services('billing');
  const { port } = await start({
    services: Object.defineProperty((...about: Parameters<typeof allowed>) => allowed(...about), 'epoch', {
      get: () => epoch,
    }),
  });
  const connection = await RawConnection.open(port, clientTls(issuing, issuing.issue({ commonName: 'billing' })));
  expect((await connection.get('/orders')).status).toBe(200);
  const cut = LogLines.shared.next('connections_cut');
  allowed = services('orders');
  epoch++;
  await cut;
  // Refused, and told so: the connection is still there for the grace.
  expect((await connection.get('/orders')).json.code).toBe('service_not_allowed');
  await connection.untilClosed();
});

describe('an answer that goes on and on', () => {
  @Controller()
  class Streams {
    @Sse('events')
    events(): Observable<object> {
      return interval(5).pipe(map((tick) => ({ data: String(tick) })));
    }
    @Sse('audit')
    @RequireRoles('auditor')
    audit(): Observable<object> {
      return this.events();
    }
    @Get('lines')
    async *lines(): AsyncGenerator<string> {
      for (let line = 0; ; line++) {
        await delay(5);
        yield `${line}\n`;
      }
    }
  }
  const billing = root.issue({ commonName: 'billing' });
  const orders = root.issue({ commonName: 'orders' });
  const edge = root.issue({ commonName: 'edge' });

  async function listen(options: Partial<MtlsOptions>): Promise<number> {
    const app = await createApp(root, await serverTls(root), { controllers: [Streams] }, options);
    closing.push(() => app.close());
    await app.listen(0, '127.0.0.1');
    return portOf(app.getHttpServer());
  }

  /** Resolves with the answer when some of it has come. */
  async function opened(
    answer: Readable,
  ): Promise<{ readonly closed: Promise<unknown>; readonly more: () => unknown }> {
    closing.push(() => answer.destroy());
    answer.on('error', () => undefined);
    const closed = new Promise((resolve) => answer.once('close', resolve));
    answer.on('data', () => undefined);
    await once(answer, 'data');
    return { closed, more: () => once(answer, 'data') };
  }

  async function overHttp1(port: number, client: Issued, path: string, headers: Record<string, string> = {}) {
    const asked = request({ agent: false, ...clientTls(root, client), port, path, headers }).end();
    const [answer] = (await once(asked, 'response')) as [Readable];
    return opened(answer);
  }

  const overHttp2 = (session: ClientHttp2Session, path: string, headers: Record<string, string> = {}) =>
    opened(session.request({ ':path': path, ...headers }));

  function sessionOf(port: number, client: Issued): ClientHttp2Session {
    const session = connectHttp2(`https://localhost:${port}`, { ...clientTls(root, client), ALPNProtocols: ['h2'] });
    closing.push(() => {
      session.destroy();
    });
    return session;
  }

  test('ends when its caller loses the role for it, and nothing else does', async () => {
    const roles = new Map([
      ['billing', new Set(['auditor'])],
      ['orders', new Set(['auditor'])],
    ]);
    const port = await listen({ roles: ({ service }) => roles.get(service) ?? new Set() });
    const session = sessionOf(port, billing);
    const lost = [await overHttp1(port, billing, '/audit'), await overHttp2(session, '/audit')];
    const others = [
      await overHttp1(port, orders, '/audit'),
      await overHttp1(port, billing, '/events'),
      await overHttp2(session, '/events'),
    ];
    const refused = LogLines.shared.next('refused');
    roles.delete('billing');
    expect(await refused).toMatchObject({ code: 'route_not_allowed', service: 'billing', route: '/audit' });
    await Promise.all(lost.map(({ closed }) => closed));
    await Promise.all(others.map(({ more }) => more()));
  });

  test('ends when the certificate that a proxy handed on is revoked; other answers over the same connection go on', async () => {
    const source = join(temporaryFolder(), 'root.crl');
    writeFileSync(source, root.crl());
    const port = await listen({
      revocation: { crls: [{ source }], refreshInterval: 20 },
      trustedProxies: [{ service: 'edge', format: 'base64-der' }],
    });
    const session = sessionOf(port, edge);
    const from = ({ certificate: { der } }: Issued) => ({ 'x-ssl-client-cert': WRITTEN['base64-der'](der) });
    const lost = [
      await overHttp1(port, edge, '/events', from(billing)),
      await overHttp1(port, edge, '/lines', from(billing)),
      await overHttp2(session, '/events', from(billing)),
      await overHttp2(session, '/lines', from(billing)),
    ];
    const others = [
      await overHttp1(port, edge, '/lines', from(orders)),
      await overHttp2(session, '/lines', from(orders)),
      await overHttp2(session, '/events', from(orders)),
    ];
    const refused = LogLines.shared.next('refused');
    replaceFile(source, root.crl([{ certificate: billing.certificate }]));
    expect(await refused).toMatchObject({ code: 'certificate_revoked', proxy: 'edge' });
    await Promise.all(lost.map(({ closed }) => closed));
    await Promise.all(others.map(({ more }) => more()));
  });

  test('goes on while nobody knows whether the certificate of its caller is revoked', async () => {
    let epoch = 0;
    const port = await listen({
      revocation: {
        status: {
          get epoch() {
            return epoch;
          },
          statusOf: ({ serialNumber }) => {
            if (epoch === 0) return { status: 'good', source: 'test' };
            return serialNumber === billing.certificate.serialNumber
              ? { status: 'revoked', source: 'test', revocationDate: new Date(), reason: 'superseded' }
              : { status: 'unknown', source: 'test', why: 'nobody knows' };
          },
        },
      },
    });
    const { closed } = await overHttp1(port, billing, '/events');
    const { more } = await overHttp1(port, orders, '/events');
    epoch++;
    await closed;
    for (let i = 0; i < 20; i++) await more();
  });

  test('ends when the certificate that a proxy handed on expires', async () => {
    let clock = Date.now();
    const port = await listen({
      clock: () => new Date(clock),
      trustedProxies: [{ service: 'edge', format: 'base64-der' }],
    });
    const short = root.issue({ commonName: 'billing', notAfter: new Date(clock + HOUR) });
    const headers = { 'x-ssl-client-cert': WRITTEN['base64-der'](short.certificate.der) };
    const { closed } = await overHttp1(port, edge, '/lines', headers);
    const other = await overHttp1(port, edge, '/lines', {
      'x-ssl-client-cert': WRITTEN['base64-der'](
        root.issue({ commonName: 'orders', notAfter: new Date(clock + 20 * HOUR) }).certificate.der,
      ),
    });
    clock += 2 * HOUR;
    await closed;
    await other.more();
  });
});
