import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ocspOf, responderOf } from '../../test/support/ocsp-lint-fixtures.js';
import { TestCa, type Issued } from '../testing/index.js';
import { OcspStapler, type Stapled, type StaplingEvent } from './index.js';

const MINUTE = 60_000;
const root = TestCa.root();
const responder = responderOf(root);
const issue = (): Issued => root.issue({ commonName: 'localhost', names: [{ kind: 'dns', value: 'localhost' }] });
const inMinutes = (minutes: number): Date => new Date(Math.floor(Date.now() / 1000) * 1000 + minutes * MINUTE);

/** What a responder would say of `issued`, until `until`. */
const responseFor = (
  { certificate }: Issued,
  until = inMinutes(60),
  status: 'good' | 'unknown' = 'good',
): Uint8Array => {
  const serials = [certificate.serialNumber];
  return ocspOf({ issuer: root, responder, serials, nextUpdate: until, certStatus: { status } }).der;
};

const servers: Server[] = [];
const sockets: TLSSocket[] = [];
const staplers: OcspStapler[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  for (const stapler of staplers.splice(0)) await stapler.stop();
});

interface Stapling {
  readonly server: Server;
  readonly stapler: OcspStapler;
  readonly events: StaplingEvent[];
  presented: Issued;
  source: () => Promise<Uint8Array | undefined>;
  now: Date;
}

async function staplingServer(kind: 'tls' | 'http2', issuer: Stapled['issuer'] = root.certificate): Promise<Stapling> {
  const presented = issue();
  const options = { cert: presented.certificatePem, key: presented.keyPem };
  const server =
    kind === 'tls'
      ? createServer(options)
      : (createSecureServer({ ...options, allowHTTP1: true }) as unknown as Server);
  server.on('tlsClientError', () => undefined);
  servers.push(server);
  const events: StaplingEvent[] = [];
  const stapler = new OcspStapler({
    presented: () => ({ certificate: state.presented.certificate, issuer }),
    source: () => state.source(),
    clock: () => state.now,
    report: (event) => events.push(event),
  });
  staplers.push(stapler);
  const state: Stapling = {
    server,
    stapler,
    events,
    presented,
    source: () => Promise.resolve(responseFor(state.presented)),
    // A moment after whatever is signed in the test.
    now: inMinutes(1),
  };
  stapler.attach(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return state;
}

/** What the server stapled to one handshake; null when nothing. */
async function stapled({ server }: Stapling, version: 'TLSv1.2' | 'TLSv1.3'): Promise<Buffer | null> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ca: root.certificatePem,
    requestOCSP: true,
    minVersion: version,
    maxVersion: version,
  });
  sockets.push(socket);
  let response: Buffer | null = null;
  // Told before the handshake is done, and only where there is something to tell, or nothing.
  socket.on('OCSPResponse', (octets: Buffer | null) => (response = octets));
  await once(socket, 'secureConnect');
  expect([socket.getProtocol(), socket.authorized]).toEqual([version, true]);
  return response;
}

describe.each([
  ['tls', 'TLSv1.2'],
  ['tls', 'TLSv1.3'],
  ['http2', 'TLSv1.2'],
  ['http2', 'TLSv1.3'],
] as const)('a server of node:%s on %s', (kind, version) => {
  test('staples the response, once there is one, and the next one across a reload', async () => {
    const state = await staplingServer(kind);
    expect(await stapled(state, version)).toBeNull();
    const first = responseFor(state.presented);
    state.source = () => Promise.resolve(first);
    await state.stapler.refresh();
    await state.stapler.refresh();
    expect(await stapled(state, version)).toEqual(Buffer.from(first));
    // The certificate first: until its own response is there, the old one is not said to be about it.
    const next = issue();
    const second = responseFor(next);
    state.server.setSecureContext({ cert: next.certificatePem, key: next.keyPem });
    expect(await stapled(state, version)).toBeNull();
    state.presented = next;
    state.source = () => Promise.resolve(second);
    await state.stapler.refresh();
    expect(await stapled(state, version)).toEqual(Buffer.from(second));
    expect(state.events.map(({ kind: what }) => what)).toEqual(['stapled', 'stapled']);
  });

  test('keeps the last good one while refreshing fails, and never staples it past its end', async () => {
    const state = await staplingServer(kind);
    const end = inMinutes(60);
    const good = responseFor(state.presented, end);
    state.source = () => Promise.resolve(good);
    await state.stapler.refresh();
    for (const source of [
      () => Promise.reject(new Error('no responder')),
      () => Promise.resolve(Buffer.from('30030a0103', 'hex')),
      () => Promise.resolve(Buffer.from('nonsense')),
      () => Promise.resolve(responseFor(issue())),
      () => Promise.resolve(responseFor(state.presented, inMinutes(-1))),
      () => Promise.resolve(responseFor(state.presented, inMinutes(60), 'unknown')),
      () => Promise.resolve(undefined),
    ]) {
      state.source = source;
      await state.stapler.refresh();
      expect(await stapled(state, version)).toEqual(Buffer.from(good));
    }
    state.now = end;
    expect(await stapled(state, version)).toBeNull();
    // The clock was ahead, and is set right: it has not begun.
    state.now = inMinutes(-2);
    expect(await stapled(state, version)).toBeNull();
    expect(state.events.filter(({ kind: what }) => what === 'failed')).toEqual([
      { kind: 'failed', why: 'no responder' },
      { kind: 'failed', why: 'the responder answers tryLater' },
      { kind: 'failed', why: expect.stringContaining('cannot be read') },
      { kind: 'failed', why: 'the response is not about this certificate' },
      { kind: 'failed', why: expect.stringContaining('the response ends at') },
      { kind: 'failed', why: 'the responder does not know the certificate' },
    ]);
  });
});

test('a handshake does not wait for a responder that does not answer', async () => {
  const state = await staplingServer('tls');
  let answer: (octets: Uint8Array) => void = () => undefined;
  state.source = () => new Promise((resolve) => (answer = resolve));
  const refreshed = state.stapler.refresh();
  expect(await stapled(state, 'TLSv1.3')).toBeNull();
  answer(responseFor(state.presented));
  await refreshed;
  expect(await stapled(state, 'TLSv1.3')).toBeInstanceOf(Buffer);
});

test('it is asked once more for all who want a new one while it asks', async () => {
  const state = await staplingServer('tls');
  const answers: ((octets: Uint8Array) => void)[] = [];
  state.source = () => new Promise((resolve) => answers.push(resolve));
  const first = state.stapler.refresh();
  while (answers.length === 0) await Promise.resolve();
  const more = Array.from({ length: 100 }, () => state.stapler.refresh());
  answers[0]?.(responseFor(state.presented));
  await first;
  while (answers.length === 1) await Promise.resolve();
  answers[1]?.(responseFor(state.presented));
  await Promise.all(more);
  expect(answers).toHaveLength(2);
});

test('it asks again by itself, before the end of what it has', async () => {
  const state = await staplingServer('tls');
  // The whole second to come: what is signed now has begun by then, and has a second left.
  state.now = new Date(Math.ceil(Date.now() / 1000) * 1000);
  let asked = 0;
  const again = new Promise<void>((resolve) => {
    state.source = () => {
      if (++asked === 2) resolve();
      return Promise.resolve(responseFor(state.presented, new Date(Date.now() + 2_000)));
    };
  });
  await state.stapler.refresh();
  await again;
  expect(await stapled(state, 'TLSv1.3')).toBeInstanceOf(Buffer);
});

test('a handshake that finds the response over, after a leap of the clock, has the next one asked for at once', async () => {
  const state = await staplingServer('tls');
  await state.stapler.refresh();
  let asked = 0;
  state.source = () => {
    asked++;
    return Promise.reject(new Error('no responder'));
  };
  state.now = inMinutes(61);
  for (let handshake = 0; handshake < 3; handshake++) expect(await stapled(state, 'TLSv1.3')).toBeNull();
  expect(asked).toBe(1);
  const next = responseFor(state.presented, inMinutes(120));
  state.source = () => Promise.resolve(next);
  await state.stapler.refresh();
  expect(await stapled(state, 'TLSv1.3')).toEqual(Buffer.from(next));
});

test('a handshake has nobody asked again who knew no response a moment ago', async () => {
  const state = await staplingServer('tls');
  await state.stapler.refresh();
  let asked = 0;
  state.source = () => {
    asked++;
    return Promise.resolve(undefined);
  };
  state.now = inMinutes(61);
  for (let handshake = 0; handshake < 3; handshake++) expect(await stapled(state, 'TLSv1.3')).toBeNull();
  expect(asked).toBe(1);
});

test('it goes on though `report` throws', async () => {
  const state = await staplingServer('tls');
  const stapler = new OcspStapler({
    presented: () => ({ certificate: state.presented.certificate, issuer: root.certificate }),
    source: () => state.source(),
    clock: () => state.now,
    report: () => {
      throw new Error('a report that fails');
    },
  });
  staplers.push(stapler);
  stapler.attach(state.server.removeAllListeners('OCSPRequest'));
  const good = state.source;
  state.source = () => Promise.reject(new Error('no responder'));
  await stapler.refresh();
  state.source = good;
  await stapler.refresh();
  expect(await stapled(state, 'TLSv1.3')).toBeInstanceOf(Buffer);
});

test('one failure is told of once, and again when it was over in between', async () => {
  const state = await staplingServer('tls');
  const fail = () => Promise.reject(new Error('no responder'));
  for (const source of [fail, fail, () => Promise.resolve(undefined), fail]) {
    state.source = source;
    await state.stapler.refresh();
  }
  expect(state.events).toEqual([
    { kind: 'failed', why: 'no responder' },
    { kind: 'failed', why: 'no responder' },
  ]);
});

describe('the next time', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['Date', 'nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** A response that ends so many seconds after the stapler's time. */
  const endingIn = ({ presented, now }: Stapling, seconds: number): Promise<Uint8Array> =>
    Promise.resolve(responseFor(presented, new Date(now.getTime() + seconds * 1000)));
  test.each<[string, number, (state: Stapling) => Promise<Uint8Array | undefined>]>([
    ['when half of its time is over', 60, (state) => endingIn(state, 120)],
    ['in a second, if there is less time than that', 1, (state) => endingIn(state, 1)],
    ['in five minutes, if there is more time than that', 300, (state) => endingIn(state, 3600)],
    ['in five minutes, if nobody knows a response', 300, () => Promise.resolve(undefined)],
    ['in ten seconds, after a failure', 10, () => Promise.reject(new Error('no responder'))],
  ])('is %s, however often it was asked for before', async (_, seconds, source) => {
    const state = await staplingServer('tls');
    let asked = 0;
    state.source = () => {
      asked++;
      return source(state);
    };
    await state.stapler.refresh();
    await state.stapler.refresh();
    await jest.advanceTimersByTimeAsync(seconds * 1000 - 1);
    expect(asked).toBe(2);
    await jest.advanceTimersByTimeAsync(1);
    expect(asked).toBe(3);
  });

  test('never comes once it was stopped, though it was asking then, nor when a handshake finds the response over', async () => {
    const state = await staplingServer('tls');
    await state.stapler.refresh();
    let answer: (octets: undefined) => void = () => undefined;
    let asked = 0;
    state.source = () => {
      asked++;
      return new Promise((resolve) => (answer = resolve));
    };
    const refreshed = state.stapler.refresh();
    while (asked === 0) await Promise.resolve();
    const stopped = state.stapler.stop();
    answer(undefined);
    await Promise.all([refreshed, stopped]);
    state.now = inMinutes(61);
    expect(await stapled(state, 'TLSv1.3')).toBeNull();
    await jest.advanceTimersByTimeAsync(10 * MINUTE);
    expect(asked).toBe(1);
  });

  test('is not asked for by a handshake that finds the response over while it is asked for already', async () => {
    const state = await staplingServer('tls');
    await state.stapler.refresh();
    let answer: (octets: Uint8Array) => void = () => undefined;
    let asked = 0;
    state.source = () => {
      asked++;
      return new Promise((resolve) => (answer = resolve));
    };
    state.now = inMinutes(61);
    const refreshed = state.stapler.refresh();
    expect(await stapled(state, 'TLSv1.3')).toBeNull();
    answer(responseFor(state.presented, inMinutes(120)));
    await refreshed;
    expect(await stapled(state, 'TLSv1.3')).toBeInstanceOf(Buffer);
    expect(asked).toBe(1);
  });
});

test('stopped, it is done with what was under way, and asks for nothing more', async () => {
  const state = await staplingServer('tls');
  await state.stapler.refresh();
  let asked = 0;
  let answer: (octets: Uint8Array) => void = () => undefined;
  state.source = () => {
    asked++;
    return new Promise((resolve) => (answer = resolve));
  };
  void state.stapler.refresh();
  while (asked === 0) await Promise.resolve();
  // Somebody has news, and waits for that.
  void state.stapler.refresh();
  let isStopped = false;
  const stopped = state.stapler.stop().then(() => (isStopped = true));
  await new Promise(setImmediate);
  expect(isStopped).toBe(false);
  answer(responseFor(state.presented));
  await stopped;
  state.now = inMinutes(61);
  expect(await stapled(state, 'TLSv1.3')).toBeNull();
  await state.stapler.refresh();
  expect(asked).toBe(1);
});

test('nothing is stapled to a certificate whose issuer is not known, and nobody is asked', async () => {
  const state = await staplingServer('tls', undefined);
  let asked = 0;
  const presented: Stapled = { certificate: state.presented.certificate, issuer: undefined };
  const stapler = new OcspStapler({
    presented: () => presented,
    source: () => {
      asked++;
      return Promise.resolve(undefined);
    },
    clock: () => new Date(),
    report: (event) => state.events.push(event),
  });
  staplers.push(stapler);
  await stapler.refresh();
  expect([asked, state.events]).toEqual([0, []]);
});
