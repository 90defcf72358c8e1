import { copyFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import { join } from 'node:path';
import { Agent } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ForwardedFormatName, MtlsOptions } from '../../src/mtls/index.js';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { encodeName, Oid } from '../../src/x509/index.js';
import { clientTls, get, getHttp2, RawConnection, type Answer, type HttpVersion } from '../support/client.js';
import { replaceFile, temporaryFolder, writeFiles } from '../support/folder.js';
import { BROKEN, forgeries, WRITTEN, type Headers } from '../support/forwarded-headers.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../support/guarded-app.js';

type Client = Pick<Issued, 'chainPem' | 'keyPem'> | undefined;

const HOUR = 3_600_000;
const ago = (hours: number): Date => new Date(Date.now() - hours * HOUR);
const HTTP: readonly HttpVersion[] = ['HTTP/1.1', 'HTTP/2'];
const FORMATS = Object.keys(WRITTEN) as ForwardedFormatName[];
/** The header of each proxy here. */
const HEADERS: Readonly<Record<ForwardedFormatName, string>> = {
  rfc9440: 'Client-Cert',
  xfcc: 'X-Forwarded-Client-Cert',
  'escaped-pem': 'X-SSL-Client-Cert',
  'spaced-pem': 'X-SSL-Client-Cert',
  'base64-der': 'X-Edge-Cert',
};

const root = TestCa.root();
const issuing = root.intermediate({ pathLenConstraint: 0 });
const stranger = TestCa.root();
const partner = root.intermediate({ commonName: 'Partner CA' });
const billing = issuing.issue({ commonName: 'billing' });
const orders = issuing.issue({ commonName: 'orders' });
const revokedBilling = issuing.issue({ commonName: 'billing' });
const revokedProxy = issuing.issue({ commonName: 'edge-rfc9440' });
const proxies = Object.fromEntries(
  FORMATS.map((format) => [format, issuing.issue({ commonName: `edge-${format}` })]),
) as Record<ForwardedFormatName, Issued>;

let guarded: GuardedApp;
let issuingCrl: string;
const crls: { source: string }[] = [];

beforeAll(async () => {
  const files = writeFiles(temporaryFolder(), {
    'root.crl': root.crl(),
    'partner.crl': partner.crl(),
    'issuing.crl': issuing.crl([revokedBilling, revokedProxy]),
  });
  issuingCrl = files['issuing.crl'];
  crls.push(...Object.values(files).map((source) => ({ source })));
  guarded = await startGuardedApp(issuing, optionsWith());
});
afterAll(() => guarded.app.close());

function optionsWith(more: Partial<MtlsOptions> = {}): Partial<MtlsOptions> {
  return {
    intermediates: issuing.chainPem + partner.chainPem,
    revocation: { crls },
    trustedProxies: FORMATS.map((format) => ({
      service: `edge-${format}`,
      format,
      ...(format === 'base64-der' ? { header: 'X-Edge-Cert' } : {}),
      condition: ({ issuerFingerprint256 }) => issuerFingerprint256 === issuing.certificate.fingerprint256,
    })),
    ...more,
  };
}

const ask = (
  client: Client,
  path: string,
  headers: Headers = {},
  http: HttpVersion = 'HTTP/1.1',
  { port } = guarded,
): Promise<Answer> => get(port, path, clientTls(issuing, client), http, headers);
/** Asks one request after the other on one connection, as a proxy does. */
async function onOne<T>(client: Client, http: HttpVersion, work: (ask: OneAsk) => Promise<T>): Promise<T> {
  const tls = clientTls(issuing, client);
  if (http === 'HTTP/2') {
    const session = connectHttp2(`https://localhost:${guarded.port}`, { ...tls, ALPNProtocols: ['h2'] });
    try {
      return await work((path, headers = {}) => getHttp2(session, path, headers));
    } finally {
      session.destroy();
    }
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    return await work((path, headers = {}) => get(guarded.port, path, { ...tls, agent }, http, headers));
  } finally {
    agent.destroy();
  }
}
type OneAsk = (path: string, headers?: Headers) => Promise<Answer>;

const outcome = ({ status, json }: Answer) => [status, json.code];
const MALFORMED = [400, 'client_certificate_malformed'];
const handOn = (format: ForwardedFormatName, { certificate }: Pick<Issued, 'certificate'>): Headers => ({
  [HEADERS[format]]: WRITTEN[format](certificate.der),
});

describe.each(HTTP)('over %s', (http) => {
  describe.each(FORMATS)('a proxy that writes %s', (format) => {
    test('hands on who calls', async () => {
      expect((await ask(proxies[format], '/orders', handOn(format, billing), http)).json).toMatchObject({
        service: 'billing',
        serial: billing.certificate.serialNumber,
      });
      expect((await ask(proxies[format], '/hello', handOn(format, billing), http)).json).toEqual({ who: 'billing' });
      expect((await ask(proxies[format], '/open', {}, http)).json).toEqual({ who: null });
    });

    test('is nobody itself', async () => {
      for (const path of ['/orders', '/mine', '/nowhere'])
        expect([path, outcome(await ask(proxies[format], path, {}, http))]).toEqual([
          path,
          [401, 'client_certificate_required'],
        ]);
      expect((await ask(proxies[format], '/hello', {}, http)).json).toEqual({ who: null });
    });

    test('sends nothing that reaches a handler', async () => {
      const { json } = await ask(proxies[format], '/headers', { ...handOn(format, billing), 'X-Other': 'a' }, http);
      expect(json.headers).toContain('x-other');
      expect(JSON.stringify(json)).not.toMatch(/client-cert|edge-cert/i);
      expect((json.rawHeaders as string[]).length % 2).toBe(0);
    });

    test('is refused with what is not one certificate in its form', async () => {
      await onOne(proxies[format], http, async (one) => {
        for (const [name, value] of Object.entries(BROKEN[format](billing.certificate.der)))
          expect([name, outcome(await one('/orders', { [HEADERS[format]]: value }))]).toEqual([name, MALFORMED]);
      });
    });

    test('is refused with another such header beside its own', async () => {
      const own = handOn(format, orders);
      await onOne(proxies[format], http, async (one) => {
        for (const { name, headers } of forgeries(billing.certificate.der)) {
          const names = Object.keys(headers).map((header) => header.toLowerCase());
          if (names.includes(HEADERS[format].toLowerCase())) continue;
          // A chain is what RFC 9440 has beside the certificate: it makes nobody another one.
          const answer = await one('/orders', { ...headers, ...own });
          if (format === 'rfc9440' && names.join() === 'client-cert-chain') expect(answer.json.service).toBe('orders');
          else expect([name, outcome(answer)]).toEqual([name, MALFORMED]);
        }
      });
    });
  });

  describe.each<[string, Client, isOver?: true]>([
    ['nobody', undefined],
    ['a client', orders],
    ['the client itself', billing],
    ['a service that is not listed', issuing.issue({ commonName: 'edge' })],
    ['a proxy of a CA that nobody knows', stranger.issue({ commonName: 'edge-rfc9440' })],
    ['a proxy of another CA that is trusted', partner.issue({ commonName: 'edge-rfc9440' })],
    ['a proxy that was revoked', revokedProxy, true],
    ['a proxy that has expired', issuing.issue({ commonName: 'edge-xfcc', notBefore: ago(2), notAfter: ago(1) }), true],
    ['a proxy that is not valid yet', issuing.issue({ commonName: 'edge-xfcc', notBefore: ago(-1) })],
    ['a proxy for servers only', issuing.issue({ commonName: 'edge-escaped-pem', purposes: [Oid.serverAuth] })],
    [
      'a proxy with two names',
      issuing.issue({
        subject: encodeName([
          [{ type: Oid.commonName, value: 'edge-rfc9440' }],
          [{ type: Oid.commonName, value: 'billing' }],
        ]),
      }),
    ],
    ['a proxy in capitals', issuing.issue({ commonName: 'Edge-rfc9440' })],
  ])('a header from %s', (_, client, isOver) => {
    test('is refused, whatever it is called, on public routes and unknown paths too', async () => {
      const paths = ['/open', '/hello', '/headers', '/nowhere', '/open/1', '/mine'];
      const checkAll = async (one: OneAsk): Promise<void> => {
        for (const { name, headers } of forgeries(billing.certificate.der))
          expect([name, outcome(await one('/orders', headers))]).toEqual([name, MALFORMED]);
        for (const path of paths)
          expect([path, outcome(await one(path, handOn('rfc9440', billing)))]).toEqual([path, MALFORMED]);
      };
      // Of a certificate that is over the connection ends with each answer.
      if (isOver) await checkAll((path, headers) => ask(client, path, headers, http));
      else await onOne(client, http, checkAll);
    });
  });

  test.each<[string, number, string, () => Pick<Issued, 'certificate'>]>([
    ['revoked', 403, 'certificate_revoked', () => revokedBilling],
    [
      'expired',
      403,
      'certificate_expired',
      () => issuing.issue({ commonName: 'billing', notBefore: ago(2), notAfter: ago(1) }),
    ],
    [
      'not valid yet',
      403,
      'certificate_not_yet_valid',
      () => issuing.issue({ commonName: 'billing', notBefore: ago(-1) }),
    ],
    ['of a CA that nobody knows', 403, 'untrusted_issuer', () => stranger.issue({ commonName: 'billing' })],
    ['self-signed', 403, 'untrusted_issuer', () => TestCa.root({ commonName: 'billing' })],
    [
      'signed by another key than its issuer’s',
      403,
      'untrusted_issuer',
      () =>
        TestCa.root({ commonName: 'Test Root CA' })
          .intermediate({ pathLenConstraint: 0 })
          .issue({ commonName: 'billing' }),
    ],
    [
      'for servers only',
      403,
      'wrong_key_usage',
      () => issuing.issue({ commonName: 'billing', purposes: [Oid.serverAuth] }),
    ],
    [
      'without a purpose',
      403,
      'wrong_key_usage',
      () => issuing.issue({ commonName: 'billing', without: [Oid.extendedKeyUsage] }),
    ],
    ['of a CA', 403, 'wrong_key_usage', () => root.intermediate({ commonName: 'billing' })],
    ['of a service that is not listed', 403, 'service_not_allowed', () => issuing.issue({ commonName: 'stranger' })],
    [
      'with two names',
      403,
      'service_not_allowed',
      () =>
        issuing.issue({
          subject: encodeName([
            [{ type: Oid.commonName, value: 'billing' }],
            [{ type: Oid.commonName, value: 'orders' }],
          ]),
        }),
    ],
    ['of the proxy itself', 403, 'service_not_allowed', () => proxies.rfc9440],
    ['of another proxy', 403, 'service_not_allowed', () => proxies.xfcc],
  ])('a certificate that is handed on and %s is refused as it would be directly', async (_, status, code, make) => {
    const issued = make();
    for (const format of FORMATS) {
      const answer = await ask(proxies[format], '/orders', handOn(format, issued), http);
      expect([format, ...outcome(answer)]).toEqual([format, status, code]);
    }
  });
});

test('a proxy is no client through another one where every service is welcome either', async () => {
  for (const client of [proxies.rfc9440, proxies.xfcc])
    expect(outcome(await ask(proxies.rfc9440, '/mine', handOn('rfc9440', client)))).toEqual([
      403,
      'service_not_allowed',
    ]);
});

test('without trusted proxies no such header is taken from anybody', async () => {
  const alone = await startGuardedApp(issuing, { intermediates: issuing.chainPem });
  for (const { name, headers } of forgeries(billing.certificate.der))
    expect([name, outcome(await ask(billing, '/open', headers, 'HTTP/1.1', alone))]).toEqual([name, MALFORMED]);
  await alone.app.close();
});

test('the log names the proxy and the client, and what was wrong with a header', async () => {
  const { lines } = LogLines.shared;
  const from = lines.length;
  // An address of its own: what strangers at one address do has so many lines and no more.
  const tell = (client: Client, path: string, headers: Headers = {}) =>
    get(guarded.port, path, { ...clientTls(issuing, client), ...{ localAddress: '127.0.0.2' } }, 'HTTP/1.1', headers);
  await tell(proxies.rfc9440, '/orders', handOn('rfc9440', revokedBilling));
  await tell(proxies.rfc9440, '/orders');
  await tell(proxies.rfc9440, '/billing', handOn('rfc9440', orders));
  await tell(proxies.rfc9440, '/orders', { 'Client-Cert': ':AR==:' });
  await tell(revokedProxy, '/orders', handOn('rfc9440', billing));
  await tell(billing, '/orders', handOn('rfc9440', billing));
  expect(lines.slice(from).map(({ message }) => message)).toEqual([
    expect.objectContaining({
      code: 'certificate_revoked',
      proxy: 'edge-rfc9440',
      serialNumber: revokedBilling.certificate.serialNumber,
    }),
    expect.objectContaining({ code: 'client_certificate_required', proxy: 'edge-rfc9440' }),
    expect.objectContaining({ code: 'route_not_allowed', proxy: 'edge-rfc9440', service: 'orders' }),
    expect.objectContaining({ code: 'client_certificate_malformed', proxy: 'edge-rfc9440', defect: 'not_base64' }),
    expect.objectContaining({
      code: 'client_certificate_malformed',
      sender_refused: 'certificate_revoked',
      serialNumber: revokedProxy.certificate.serialNumber,
    }),
    expect.objectContaining({ code: 'client_certificate_malformed', sender: 'billing' }),
  ]);
});

describe('one connection of a proxy', () => {
  test('serves many clients; a bad one among them closes it for nobody', async () => {
    const late = issuing.issue({ commonName: 'billing', notBefore: ago(2), notAfter: ago(1) });
    const session = connectHttp2(`https://localhost:${guarded.port}`, {
      ...clientTls(issuing, proxies.xfcc),
      ALPNProtocols: ['h2'],
    });
    const outcomes = [];
    for (const client of [billing, revokedBilling, orders, late, billing]) {
      const { status, json } = await getHttp2(session, '/orders', handOn('xfcc', client));
      outcomes.push([status, json.service ?? json.code]);
    }
    expect(outcomes).toEqual([
      [200, 'billing'],
      [403, 'certificate_revoked'],
      [200, 'orders'],
      [403, 'certificate_expired'],
      [200, 'billing'],
    ]);
    expect(session.closed).toBe(false);
    session.destroy();
  });

  test('ends when the certificate of the proxy was revoked, and no client is let in by it', async () => {
    const proxy = issuing.issue({ commonName: 'edge-rfc9440' });
    // Files of its own: the other application tells of the same list when it reads it.
    const others = crls.filter(({ source }) => source !== issuingCrl);
    const ownCrl = join(temporaryFolder(), 'issuing.crl');
    copyFileSync(issuingCrl, ownCrl);
    const own = await startGuardedApp(
      issuing,
      optionsWith({ revocation: { crls: [...others, { source: ownCrl }], refreshInterval: 20 } }),
    );
    const session = connectHttp2(`https://localhost:${own.port}`, {
      ...clientTls(issuing, proxy),
      ALPNProtocols: ['h2'],
    });
    expect((await getHttp2(session, '/orders', handOn('rfc9440', billing))).status).toBe(200);
    const loaded = LogLines.shared.next('crl_loaded', { source: ownCrl });
    replaceFile(ownCrl, issuing.crl([revokedBilling, revokedProxy, proxy]));
    await loaded;
    const closed = once(session, 'close');
    expect(outcome(await getHttp2(session, '/orders', handOn('rfc9440', billing)))).toEqual(MALFORMED);
    await closed;
    await own.app.close();
  });

  test('with HTTP/1.1: a header of one request is not that of the next', async () => {
    const connection = await RawConnection.open(guarded.port, clientTls(issuing, proxies.rfc9440));
    connection.socket.write(
      `GET /orders HTTP/1.1\r\nHost: localhost\r\nClient-Cert: ${WRITTEN.rfc9440(billing.certificate.der)}\r\n\r\n`,
    );
    expect((await connection.get('/orders')).json.service).toBe('billing');
    expect(outcome(await connection.get('/orders'))).toEqual([401, 'client_certificate_required']);
    connection.close();
  });

  test('a header in the trailers is none', async () => {
    const connection = await RawConnection.open(guarded.port, clientTls(issuing, proxies.rfc9440));
    connection.socket.write(
      `POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTrailer: Client-Cert\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nClient-Cert: ${WRITTEN.rfc9440(billing.certificate.der)}\r\n\r\n`,
    );
    expect((await connection.get('/orders')).status).toBe(401);
    connection.close();
  });
});

test('a header in parts is not put together, and one that is too long for the listener is 431', async () => {
  const text = WRITTEN.rfc9440(billing.certificate.der);
  const parts = [text.slice(0, 300), text.slice(300)];
  for (const http of HTTP)
    expect(outcome(await ask(proxies.rfc9440, '/orders', { 'Client-Cert': parts }, http))).toEqual(MALFORMED);
  const long = { 'Client-Cert': `:${'A'.repeat(20_000)}:` };
  expect((await ask(proxies.rfc9440, '/orders', long)).status).toBe(431);
});
