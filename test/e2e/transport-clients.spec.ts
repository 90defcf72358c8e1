import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, Transport, type ClientProxy, type ClientsModuleOptions } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { openTlsClient, type TlsClient } from '../../src/tls/index.js';
import { replaceFile, temporaryFolder, writeFiles } from '../support/folder.js';
import { LogLines } from '../support/guarded-app.js';
import { SERVER_ID, startTransportApp, type TransportApp } from '../support/transport-app.js';

const ca = TestCa.root();
const billing = (): Issued => ca.issue({ commonName: 'billing' });

let started: TransportApp;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  started = await startTransportApp(ca, { inherit: false });
});
afterAll(() => started.app.close());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Caller {
  readonly client: TlsClient;
  /** Puts another certificate and key in the place of those in use, as a renewal does. */
  readonly renew: (next: Issued) => Promise<void>;
}

/** The client of a service that has `issued`. */
async function callerWith(issued: Issued, trusted = ca): Promise<Caller> {
  const files = writeFiles(temporaryFolder(), {
    cert: issued.chainPem,
    key: issued.keyPem,
    ca: trusted.root.certificatePem,
  });
  const client = await openTlsClient({ certificateFile: files.cert, keyFile: files.key, caFile: files.ca });
  closing.push(() => client.close());
  return {
    client,
    renew: async (next) => {
      replaceFile(files.key, next.keyPem);
      replaceFile(files.cert, next.chainPem);
      await client.reload();
    },
  };
}

/** An application that calls another one, by what Nest's ClientsModule makes of `options`. */
async function applicationWith(options: ClientsModuleOptions): Promise<INestApplicationContext> {
  @Module({ imports: [ClientsModule.register(options)] })
  class CallingModule {}
  const application = await NestFactory.createApplicationContext(CallingModule, {
    logger: LogLines.shared,
    abortOnError: false,
  });
  closing.push(() => application.close());
  return application;
}

describe("Nest's client over TCP", () => {
  async function ordersOf({ client }: Caller, peer?: string): Promise<ClientProxy> {
    const application = await applicationWith([
      {
        name: 'ORDERS',
        transport: Transport.TCP,
        options: {
          host: 'localhost',
          port: started.ports.tcp,
          tlsOptions: client.connectionOptions(peer === undefined ? {} : { peer }),
        },
      },
    ]);
    return application.get<ClientProxy>('ORDERS');
  }
  const ask = (orders: ClientProxy, pattern: string) => firstValueFrom(orders.send<string>(pattern, {}));

  test.each([undefined, 'localhost', SERVER_ID])(
    'is answered as the service whose certificate it presents, by a server known as %s',
    async (peer) => {
      const orders = await ordersOf(await callerWith(billing()), peer);
      expect(await ask(orders, 'who')).toBe('billing');
      expect(await ask(orders, 'billing')).toBe('billing only');
    },
  );

  test('hears why it is refused', async () => {
    for (const [issued, pattern, code] of [
      [ca.issue({ commonName: 'orders' }), 'billing', 'route_not_allowed'],
      [ca.issue({ commonName: 'unlisted' }), 'who', 'service_not_allowed'],
      [TestCa.root().issue({ commonName: 'billing' }), 'who', 'untrusted_issuer'],
    ] as const)
      await expect(ask(await ordersOf(await callerWith(issued)), pattern)).rejects.toMatchObject({
        code,
        status: 403,
        request_id: expect.any(String),
      });
  });

  test.each<[string, () => Promise<ClientProxy>]>([
    ['by another name', async () => ordersOf(await callerWith(billing()), 'payments.example.org')],
    ['by another SPIFFE ID', async () => ordersOf(await callerWith(billing()), `${SERVER_ID}/x`)],
    ['of a CA that is not trusted', async () => ordersOf(await callerWith(billing(), TestCa.root()))],
  ])('sends nothing to a server %s', async (_, calling) => {
    const seen = LogLines.shared.events('refused').length;
    // Nest tells of TLS in its log alone, and the caller that the connection is closed.
    await expect(ask(await calling(), 'who')).rejects.toThrow('Connection closed');
    expect(LogLines.shared.events('refused')).toHaveLength(seen);
  });

  test('presents the renewed certificate on its next connection', async () => {
    const [first, next] = [billing(), billing()];
    const caller = await callerWith(first);
    const orders = await ordersOf(caller);
    expect(await ask(orders, 'serial')).toBe(first.certificate.serialNumber);
    await caller.renew(next);
    // The connection stays, with whom it was made for, until it is closed: by us, or by the server when that certificate is over.
    expect(await ask(orders, 'serial')).toBe(first.certificate.serialNumber);
    const cut = LogLines.shared.next('connections_cut');
    await started.revoke(first.certificate);
    await cut;
    const again = async (): Promise<string> => ask(orders, 'serial').catch(() => again());
    expect(await again()).toBe(next.certificate.serialNumber);
  });
});
