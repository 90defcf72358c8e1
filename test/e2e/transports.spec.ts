import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readTrustAnchors, services } from '../../src/mtls/index.js';
import { TestCa } from '../../src/testing/index.js';
import type { TlsVersion } from '../support/client.js';
import { LogLines } from '../support/guarded-app.js';
import { connected, handlersRun, startTransportApp, type TransportApp } from '../support/transport-app.js';
import {
  openGrpc,
  openTcp,
  openWs,
  ticketOf,
  type Opening,
  type TransportClient,
} from '../support/transport-client.js';

const ca = TestCa.root();
const billing = ca.issue({ commonName: 'billing' });
const orders = ca.issue({ commonName: 'orders' });
const unlisted = ca.issue({ commonName: 'unlisted' });
const foreign = TestCa.root().issue({ commonName: 'billing' });
const expired = ca.issue({
  commonName: 'billing',
  notBefore: new Date(Date.now() - 2000),
  notAfter: new Date(Date.now() - 1000),
});
const serverOnly = ca.issue({ commonName: 'billing', purposes: ['1.3.6.1.5.5.7.3.1'] });

const TRANSPORTS = {
  TCP: { open: openTcp, port: 'tcp', unauthenticated: 401, denied: 403 },
  gRPC: { open: openGrpc, port: 'grpc', unauthenticated: 16, denied: 7 },
  WebSocket: { open: openWs, port: 'http', unauthenticated: 401, denied: 403 },
} as const;
const CASES = (['TCP', 'gRPC', 'WebSocket'] as const).flatMap((transport) =>
  (['TLSv1.2', 'TLSv1.3'] as const).map((version) => ({ transport, version })),
);

describe.each([{ inherit: false }, { inherit: true }])('inheritAppConfig: $inherit', ({ inherit }) => {
  let started: TransportApp;
  const clients: TransportClient[] = [];
  beforeAll(async () => {
    started = await startTransportApp(ca, { inherit });
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await started.app.close();
  });

  async function open(
    transport: keyof typeof TRANSPORTS,
    version: TlsVersion,
    client: Opening['client'],
    session?: Buffer,
  ): Promise<TransportClient> {
    const { open: openOn, port } = TRANSPORTS[transport];
    const opened = await openOn(started.ports[port], { ca, client, version, ...(session ? { session } : {}) });
    clients.push(opened);
    return opened;
  }

  describe.each(inherit ? CASES.filter(({ version }) => version === 'TLSv1.3') : CASES)(
    '$transport on $version',
    ({ transport, version }) => {
      const { unauthenticated, denied } = TRANSPORTS[transport];

      test('the right one is let in, by the decorators of each handler', async () => {
        const client = await open(transport, version, billing);
        expect(client.socket.getProtocol()).toBe(version);
        expect(await client.ask('who')).toEqual({ answer: 'billing' });
        expect(await client.ask('billing')).toEqual({ answer: 'billing only' });
        const other = await open(transport, version, orders);
        expect(await other.ask('who')).toEqual({ answer: 'orders' });
        expect(await other.ask('billing')).toMatchObject({ code: 'route_not_allowed', status: denied });
        // The connection is good for what is allowed.
        expect(await other.ask('who')).toEqual({ answer: 'orders' });
      });

      test.each([
        ['nobody', undefined, 'client_certificate_required'],
        ['a stranger', foreign, 'untrusted_issuer'],
        ['a service that is not listed', unlisted, 'service_not_allowed'],
        ['an expired one', expired, 'certificate_expired'],
        ['a server', serverOnly, 'wrong_key_usage'],
      ] as const)(
        '%s is refused, before any handler and before hearing which there are',
        async (_, certificate, code) => {
          const ran = handlersRun();
          const before = connected().length;
          for (const what of ['who', 'billing', 'made-up', 'Unwritten']) {
            const client = await open(transport, version, certificate);
            const told = await client.ask(what);
            expect([what, told]).toEqual([
              what,
              { code, status: certificate ? denied : unauthenticated, requestId: expect.stringMatching(/^[\w-]{8,}$/) },
            ]);
            const logged = LogLines.shared.events('refused').find(({ request_id }) => request_id === told.requestId);
            expect(logged).toMatchObject({ code, method: transport });
            // What a caller made up is nothing to log.
            expect(Object.values(logged ?? {})).not.toContainEqual(expect.stringMatching(/made-up|Unwritten/));
          }
          expect(handlersRun()).toBe(ran);
          expect(connected()).toHaveLength(before);
        },
      );

      test('a resumed session is the client of the first, or nobody', async () => {
        const first = await open(transport, version, billing);
        expect(await first.ask('who')).toEqual({ answer: 'billing' });
        const second = await open(transport, version, undefined, ticketOf(first));
        expect(second.socket.isSessionReused()).toBe(true);
        expect(await second.ask('who')).toEqual({ answer: 'billing' });
        const nobody = await open(transport, version, undefined);
        expect((await nobody.ask('who')).code).toBe('client_certificate_required');
        const resumed = await open(transport, version, undefined, ticketOf(nobody));
        expect(resumed.socket.isSessionReused()).toBe(true);
        expect((await resumed.ask('who')).code).toBe('client_certificate_required');
      });

      test('a revocation ends an open connection, and what is resumed of it is refused', async () => {
        const client = ca.issue({ commonName: 'billing' });
        const [asking, silent, other] = [
          await open(transport, version, client),
          await open(transport, version, client),
          await open(transport, version, billing),
        ];
        for (const one of [asking, silent, other]) expect(await one.ask('who')).toEqual({ answer: 'billing' });
        const ticket = ticketOf(asking);
        await started.revoke(client.certificate);
        // Unless it was cut before it could ask.
        const told = await asking.ask('who').catch(() => undefined);
        expect([undefined, 'certificate_revoked']).toContain(told?.code);
        await asking.closed;
        // It says nothing and is cut all the same.
        await silent.closed;
        const resumed = await open(transport, version, undefined, ticket);
        expect(resumed.socket.isSessionReused()).toBe(true);
        expect(await resumed.ask('who')).toMatchObject({ code: 'certificate_revoked', status: denied });
        expect(await other.ask('who')).toEqual({ answer: 'billing' });
      });
    },
  );
});

describe('an open connection that says nothing ends', () => {
  const HOUR = 3_600_000;
  const other = TestCa.root();
  const both = readTrustAnchors([ca.root.certificatePem, other.root.certificatePem]);
  let [time, trust, allowed, epoch] = [0, both, services('billing', 'orders'), 0];
  let started: TransportApp;
  const clients: TransportClient[] = [];
  beforeAll(async () => {
    const list = (...about: Parameters<typeof allowed>) => allowed(...about);
    started = await startTransportApp(ca, {
      inherit: false,
      clock: () => new Date(Date.now() + time),
      trustAnchors: () => trust,
      services: Object.defineProperty(list, 'epoch', { get: () => epoch }),
      revocation: { mode: 'off' },
    });
  });
  afterEach(() => {
    [time, trust, allowed] = [0, both, services('billing', 'orders')];
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(() => started.app.close());

  describe.each(CASES)('over $transport on $version', ({ transport, version }) => {
    test.each<[when: string, change: () => void]>([
      ['its certificate expires', () => (time = 2 * HOUR)],
      ['its service is taken off the list', () => ([allowed, epoch] = [services('orders'), epoch + 1])],
      ['its CA is no longer trusted', () => (trust = readTrustAnchors(other.root.certificatePem))],
    ])('when %s, and another one notices nothing', async (_, change) => {
      const { open, port } = TRANSPORTS[transport];
      const visit = async (client: Opening['client']): Promise<TransportClient> => {
        const opened = await open(started.ports[port], { ca, client, version });
        clients.push(opened);
        expect(await opened.ask('who')).not.toHaveProperty('code');
        return opened;
      };
      const short = new Date(Date.now() + HOUR);
      const lost = await visit(ca.issue({ commonName: 'billing', notAfter: short }));
      const stays = await visit(other.issue({ commonName: 'orders', notAfter: new Date(Date.now() + 20 * HOUR) }));
      change();
      await lost.closed;
      expect(await stays.ask('who')).toEqual({ answer: 'orders' });
    });
  });
});
