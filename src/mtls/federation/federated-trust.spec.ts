import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { replaceFile, temporaryFolder, writeFiles } from '../../../test/support/folder.js';
import { TestCa, type Issued, type TestCertificateOptions } from '../../testing/index.js';
import { encodeExtensionOf, KeyUsage } from '../../x509/index.js';
import { readTrustAnchors } from '../trust-anchors.js';
import { nextBundleLook } from './bundle-schedule.js';
import { FederatedTrust, type BundleEvent, type FederatedDomain } from './federated-trust.js';

const ownCa = TestCa.root();
const own = readTrustAnchors(ownCa.certificatePem);
const web = TestCa.root({ commonName: 'Web CA' });
const [first, second] = [TestCa.root({ commonName: 'First' }), TestCa.root({ commonName: 'Second' })];

function setOf(cas: readonly TestCa[], more: object = {}): string {
  const keys = cas.map(({ certificate: { publicKey, der } }) => ({
    ...publicKey.keyObject.export({ format: 'jwk' }),
    use: 'x509-svid',
    x5c: [Buffer.from(der).toString('base64')],
  }));
  return JSON.stringify({ keys, spiffe_refresh_hint: 0, ...more });
}

let server: Server;
let answer: { status: number; body: string; headers?: Record<string, string> };
let asked = 0;
let url: string;
const stopping: (() => void)[] = [];

beforeEach(async () => {
  asked = 0;
  answer = { status: 200, body: setOf([first], { spiffe_sequence: 1 }) };
  const { chainPem, keyPem } = web.issue({ names: [{ kind: 'dns', value: 'localhost' }] });
  server = createServer({ cert: chainPem, key: keyPem }, (_, response) => {
    asked++;
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `https://localhost:${(server.address() as AddressInfo).port}/bundle`;
});
afterEach(async () => {
  for (const stop of stopping.splice(0)) stop();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** A federation with one other domain, or several, and what it reports, one after the other. */
function federation(
  domain: Partial<FederatedDomain> = {},
  more: readonly FederatedDomain[] = [],
  clock?: () => Date,
  startWait?: number,
) {
  const events: BundleEvent[] = [];
  let wake: () => void = () => undefined;
  const trust = new FederatedTrust(() => own, {
    trustDomain: 'own.example',
    clock,
    domains: [{ name: 'other.example', bundle: url, ca: web.certificatePem, ...domain }, ...more],
    report: (event) => {
      events.push(event);
      wake();
    },
    least: 10,
    ...(startWait === undefined ? {} : { startWait }),
  });
  stopping.push(() => {
    trust.stop();
  });
  const next = async (kind: BundleEvent['kind']): Promise<BundleEvent> => {
    for (;;) {
      const event = events.shift();
      if (event?.kind === kind) return event;
      if (!event) await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const anchors = () =>
    trust
      .current()
      .federated?.get('other.example')
      ?.anchors.map((each) => each.fingerprint256);
  return { trust, next, anchors, events };
}

const fingerprints = (...cas: readonly TestCa[]): string[] => cas.map(({ certificate }) => certificate.fingerprint256);

describe('the bundle of another trust domain', () => {
  test('comes over https, is taken up whole when it changes, and makes another trust', async () => {
    const { trust, next, anchors } = federation();
    expect(anchors()).toEqual([]);
    await trust.start();
    expect(await next('loaded')).toMatchObject({ trustDomain: 'other.example', certificates: 1, sequence: 1 });
    expect(anchors()).toEqual(fingerprints(first));
    const before = trust.current();
    expect(trust.current()).toBe(before);
    expect([before.anchors, before.trustDomain]).toEqual([own.anchors, 'own.example']);
    answer.body = setOf([first, second], { spiffe_sequence: 2 });
    await next('loaded');
    expect(anchors()).toEqual(fingerprints(first, second));
    expect(trust.current()).not.toBe(before);
    expect(Object.isFrozen(trust.current())).toBe(true);
  });

  test.each<[string, () => void]>([
    ['a status that is no answer', () => (answer = { status: 500, body: '' })],
    ['a redirect', () => (answer = { status: 302, body: '', headers: { location: url } })],
    ['what is no bundle', () => (answer.body = '<html>')],
    ['an older one, replayed', () => (answer.body = setOf([second], { spiffe_sequence: 0 }))],
    ['one without a sequence', () => (answer.body = setOf([second]))],
    ['one that is too long', () => (answer.body = ' '.repeat(1024 * 1024 + 1))],
  ])('%s: the last good one stays, one line is reported, and the next good one is taken', async (_, go) => {
    const { trust, next, anchors } = federation();
    await trust.start();
    await next('loaded');
    go();
    await next('failed');
    const failedAfter = asked;
    while (asked < failedAfter + 1) await once(server, 'request');
    expect(anchors()).toEqual(fingerprints(first));
    answer = { status: 200, body: setOf([second], { spiffe_sequence: 3 }) };
    // Nothing was reported twice meanwhile: the next event is the good one.
    expect(await next('loaded')).toMatchObject({ sequence: 3 });
    expect(anchors()).toEqual(fingerprints(second));
  });

  test.each<[string, Partial<FederatedDomain>]>([
    ['a server of a CA that the web does not know', { ca: undefined }],
    ['a server of another CA', { ca: first.certificatePem }],
    ['a server by another name', { bundle: 'https://127.0.0.1' }],
    ['a URL without TLS', { bundle: 'http://localhost/bundle' }],
    ['a file that is not there', { bundle: '/nowhere/bundle.json' }],
  ])('%s: nothing is taken, and the domain stays closed', async (_, domain) => {
    const bundle = domain.bundle === 'https://127.0.0.1' ? url.replace('localhost', '127.0.0.1') : domain.bundle;
    const { trust, next, anchors } = federation({ ...domain, ...(bundle === undefined ? {} : { bundle }) });
    await trust.start();
    await next('failed');
    expect([anchors(), asked]).toEqual([[], 0]);
  });

  test('comes from a file as well, and half a file changes nothing', async () => {
    const { file } = writeFiles(temporaryFolder(), { file: setOf([first]) });
    const { trust, next, anchors } = federation({ bundle: file });
    await trust.start();
    await next('loaded');
    replaceFile(file, setOf([second]).slice(0, 100));
    await next('failed');
    expect(anchors()).toEqual(fingerprints(first));
    replaceFile(file, second.certificatePem);
    await next('loaded');
    expect(anchors()).toEqual(fingerprints(second));
  });

  test('tells apart what a path ends at and what lies between', async () => {
    const below = first.intermediate();
    const alone = second.intermediate({ commonName: 'Alone' });
    const { file } = writeFiles(temporaryFolder(), {
      file: first.certificatePem + below.certificatePem + alone.certificatePem,
    });
    const { trust, anchors } = federation({ bundle: file });
    await trust.start();
    expect(anchors()).toEqual(fingerprints(first, alone));
    const domain = trust.current().federated?.get('other.example');
    expect(domain?.intermediates.map((each) => each.fingerprint256)).toEqual(fingerprints(below));
  });
});

describe('a server that is known by its SPIFFE ID', () => {
  const ID = 'spiffe://other.example/bundles';
  const svid = (ca: TestCa, options: TestCertificateOptions = {}): Issued =>
    ca.issue({ names: [{ kind: 'uri', value: ID }], ...options });
  const present = ({ chainPem, keyPem }: Issued): void => server.setSecureContext({ cert: chainPem, key: keyPem });
  /** The domain whose bundle is served in its own name. */
  const selfServing = (): Partial<FederatedDomain> => ({
    ca: undefined,
    endpointSpiffeId: ID,
    endpointBundle: setOf([first]),
  });

  test('is verified by the bundle that was given, and from then on by the one that was read last', async () => {
    present(svid(first));
    answer.body = setOf([first, second], { spiffe_sequence: 1 });
    const { trust, next, anchors } = federation(selfServing());
    await trust.start();
    await next('loaded');
    expect(anchors()).toEqual(fingerprints(first, second));
    // The domain changes to its second CA altogether.
    present(svid(second));
    answer.body = setOf([second], { spiffe_sequence: 2 });
    await next('loaded');
    expect(anchors()).toEqual(fingerprints(second));
    // The one that was given at first counts no longer.
    present(svid(first));
    answer.body = setOf([first], { spiffe_sequence: 3 });
    expect(await next('failed')).toMatchObject({ why: expect.stringContaining('the server is refused') });
    expect(anchors()).toEqual(fingerprints(second));
  });

  test('does not bring an older bundle than the one that was given', async () => {
    present(svid(first));
    const endpointBundle = setOf([first], { spiffe_sequence: 5 });
    answer.body = setOf([first, second], { spiffe_sequence: 4 });
    const { trust, next, anchors } = federation({ ...selfServing(), endpointBundle });
    await trust.start();
    expect(await next('failed')).toMatchObject({ why: expect.stringContaining('older than 5') });
    expect(anchors()).toEqual([]);
    answer.body = setOf([first, second], { spiffe_sequence: 5 });
    await next('loaded');
    expect(anchors()).toEqual(fingerprints(first, second));
  });

  test('is let go amid the handshake when it is stopped', async () => {
    const silent = createTcpServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    stopping.push(() => silent.close());
    const bundle = `https://127.0.0.1:${(silent.address() as AddressInfo).port}/bundle`;
    const { trust, events } = federation({ ...selfServing(), bundle }, [], undefined, 60_000);
    const started = trust.start();
    const [socket] = (await once(silent, 'connection')) as [Socket];
    await once(socket, 'data');
    trust.stop();
    await Promise.all([started, once(socket, 'close')]);
    expect(events).toEqual([]);
    // A handshake is given up after ten seconds in any case.
  }, 9_000);

  test('may be of our own domain, or of another one here, whose bundle is read before', async () => {
    for (const [ca, endpointSpiffeId, more] of [
      [ownCa, 'spiffe://own.example/bundles', []],
      [second, 'spiffe://third.example/bundles', [{ name: 'third.example', bundle: '' }]],
    ] as const) {
      present(svid(ca, { names: [{ kind: 'uri', value: endpointSpiffeId }] }));
      const { file } = writeFiles(temporaryFolder(), { file: setOf([second]) });
      const others = more.map((each) => ({ ...each, bundle: file }));
      const { trust, anchors, events } = federation({ ca: undefined, endpointSpiffeId }, others);
      await trust.start();
      expect(anchors()).toEqual(fingerprints(first));
      expect(events.map(({ kind }) => kind)).not.toContain('failed');
      trust.stop();
    }
  });

  const uri = (value: string) => ({ kind: 'uri', value }) as const;
  test.each<[string, () => Issued]>([
    ['another ID of the domain', () => svid(first, { names: [uri(`${ID}/x`)] })],
    ['an ID of another domain', () => svid(first, { names: [uri('spiffe://own.example/bundles')] })],
    ['that ID and another one', () => svid(first, { names: [uri(ID), uri(`${ID}/x`)] })],
    ['the name of the host alone', () => svid(first, { names: [{ kind: 'dns', value: 'localhost' }] })],
    ['that ID, by another CA', () => svid(second)],
    ['that ID, by our own CA', () => svid(ownCa)],
    ['that ID, by the CA that the web would know', () => svid(web)],
    ['that ID, and is over', () => svid(first, { notBefore: new Date(0), notAfter: new Date(1000) })],
    ['that ID, for clients alone', () => svid(first, { purposes: ['1.3.6.1.5.5.7.3.2'] })],
    [
      'that ID, and may sign revocation lists',
      () => svid(first, { extensions: [encodeExtensionOf.keyUsage([KeyUsage.digitalSignature, KeyUsage.cRLSign])] }),
    ],
  ])('and has %s is asked nothing', async (_, issued) => {
    present(issued());
    const { trust, next, anchors } = federation(selfServing());
    await trust.start();
    expect(await next('failed')).toMatchObject({ why: expect.stringContaining('the server is refused') });
    expect([anchors(), asked]).toEqual([[], 0]);
  });

  test.each<[string, Partial<FederatedDomain>]>([
    ['endpointBundle needs', { endpointSpiffeId: undefined }],
    ['endpointSpiffeId or ca', { ca: web.certificatePem }],
    ['at an https URL', { bundle: '/a.json' }],
    ['not the SPIFFE ID', { endpointSpiffeId: 'spiffe://other.example' }],
    ['needs an endpointBundle', { endpointBundle: undefined }],
    ['comes from its own entry', { endpointSpiffeId: 'spiffe://own.example/a' }],
    ['not configured here', { endpointSpiffeId: 'spiffe://third.example/a', endpointBundle: undefined }],
    ['not JSON', { endpointBundle: '{' }],
    [
      'the ca of other.example cannot be used: no PEM block',
      { endpointSpiffeId: undefined, endpointBundle: undefined, ca: 'hello' },
    ],
  ])('%s: what could never be stops the start', (why, domain) => {
    expect(() => federation({ ...selfServing(), ...domain })).toThrow(why);
  });
});

describe('a server that is slow', () => {
  /** Those who asked, and are not answered before {@link answerAll}. */
  const waiting: ServerResponse[] = [];
  const beginWaiting = (): void => {
    waiting.splice(0);
    server.removeAllListeners('request');
    server.on('request', (_, response: ServerResponse) => {
      // A little now and then: it is not silent.
      response.writeHead(200).write(' ');
      waiting.push(response);
    });
  };
  const answerAll = (): void => {
    for (const response of waiting.splice(0)) response.end(answer.body);
  };

  test('holds up no start: the domain is closed, which is reported, until its bundle is there, and those that wait for it', async () => {
    beginWaiting();
    const ID = 'spiffe://other.example/bundles';
    const { chainPem, keyPem } = first.issue({ names: [{ kind: 'uri', value: ID }] });
    const by = createServer({ cert: chainPem, key: keyPem }, (_, response) => response.end(setOf([second])));
    await once(by.listen(0, '127.0.0.1'), 'listening');
    stopping.push(() => by.close());
    const third: FederatedDomain = {
      name: 'third.example',
      bundle: `https://localhost:${(by.address() as AddressInfo).port}/bundle`,
      endpointSpiffeId: ID,
    };
    const { trust, next, anchors, events } = federation({}, [third], undefined, 50);
    await trust.start();
    const why = 'it is not there after 50 ms: the start goes on, and nobody of the domain is let in until it is';
    expect(events).toEqual(
      [url, third.bundle].map((source, index) => ({
        kind: 'failed',
        trustDomain: ['other.example', 'third.example'][index],
        source,
        why,
      })),
    );
    expect([anchors(), trust.standing.map(({ readAt }) => readAt)]).toEqual([[], [undefined, undefined]]);
    while (waiting.length === 0) await once(server, 'request');
    answerAll();
    expect(await next('loaded')).toMatchObject({ trustDomain: 'other.example' });
    expect(anchors()).toEqual(fingerprints(first));
    expect(await next('loaded')).toMatchObject({ trustDomain: 'third.example' });
  });

  test('is not waited for once it is stopped', async () => {
    beginWaiting();
    const { trust, events } = federation({}, [], undefined, 60_000);
    const started = trust.start();
    while (waiting.length === 0) await once(server, 'request');
    const gone = once(waiting[0]!, 'close');
    trust.stop();
    await Promise.all([started, gone]);
    expect(events).toEqual([]);
  });
});

test('a bundle that has not been read for three of its intervals is stale until it is', async () => {
  let now = Date.now();
  const { trust } = federation({}, [], () => new Date(now));
  answer.body = setOf([first], { spiffe_refresh_hint: 600 });
  const isStale = () => trust.standing.map((each) => each.isStale);
  expect(trust.standing).toEqual([{ trustDomain: 'other.example', readAt: undefined, isStale: false }]);
  await trust.start();
  const readAt = new Date(now);
  expect(trust.standing).toEqual([{ trustDomain: 'other.example', readAt, isStale: false }]);
  now += 1_800_000;
  expect(isStale()).toEqual([false]);
  now += 1;
  expect(isStale()).toEqual([true]);
});

test('that a bundle has gone stale is told once, and that it is current again', async () => {
  let now = Date.now();
  const { trust, next, events } = federation({}, [], () => new Date(now));
  await trust.start();
  const readAt = new Date(now);
  answer.status = 500;
  await next('failed');
  now += 60_001;
  expect(await next('stale')).toMatchObject({ trustDomain: 'other.example', source: url, readAt });
  const after = asked;
  while (asked < after + 2) await once(server, 'request');
  expect(events).toEqual([]);
  answer.status = 200;
  expect(await next('current')).toMatchObject({ readAt: new Date(now) });
});

test.each([
  [['Other.example'], 'not the name of a trust domain'],
  [['a', 'a'], 'named twice'],
  [['own.example'], 'named twice'],
  [['spiffe://a'], 'not the name'],
])('the trust domains %j cannot be', (names, why) => {
  const domains = names.map((name) => ({ name, bundle: 'a.json' }));
  expect(() => new FederatedTrust(() => own, { trustDomain: 'own.example', domains, report: () => undefined })).toThrow(
    why,
  );
});

test('without another domain, and without a name of its own, the trust is what it was', () => {
  const trust = new FederatedTrust(() => own, { trustDomain: undefined, domains: [], report: () => undefined });
  expect(trust.current()).toEqual(own);
  expect(trust.current()).toBe(trust.current());
});

describe('when a bundle is looked at again', () => {
  const at = (hint: number | undefined, failures = 0, random = 0.5): number =>
    nextBundleLook({ source: 'https://a/b', failures, hint }, { least: 10_000, random });

  test.each([
    [undefined, 300_000],
    [0, 10_000],
    [600, 600_000],
    [10 ** 12, 86_400_000],
  ])('the hint %s, in seconds, within bounds', (hint, expected) => {
    expect(at(hint)).toBe(expected);
  });

  test('sooner after a failure, ever later after several, never beyond the hint, and never everybody at once', () => {
    expect([1, 2, 3, 4, 99].map((failures) => at(20, failures))).toEqual([1_000, 2_000, 4_000, 8_000, 20_000]);
    expect([at(600, 0, 0), at(600, 0, 1)]).toEqual([540_000, 660_000]);
    // With a tenth of a second until open connections are looked at, and half a one of grace, within a second.
    expect(nextBundleLook({ source: 'a.json', failures: 9, hint: 600 }, { least: 10_000, random: 0 })).toBe(250);
  });
});
