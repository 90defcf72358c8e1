import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { readTrustAnchors, services, type MtlsOptions } from '../../src/mtls/index.js';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { clientTls, getHttp2, RawConnection, PROTOCOLS, type HttpVersion, type TlsVersion } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../support/guarded-app.js';

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
