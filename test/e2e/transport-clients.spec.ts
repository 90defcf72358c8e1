import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import {
  CallCredentials,
  Client,
  connectivityState,
  InterceptingCall,
  Metadata,
  status,
  type Interceptor,
  type ServiceError,
} from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientsModule,
  Transport,
  type ClientGrpc,
  type ClientProxy,
  type ClientsModuleOptions,
} from '@nestjs/microservices';
import { firstValueFrom, lastValueFrom, Subject, tap, type Observable } from 'rxjs';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { grpcClientOptions } from '../../src/tls/grpc/index.js';
import { openTlsClient, type TlsClient, type TlsClientOptions } from '../../src/tls/index.js';
import { replaceFile, temporaryFolder, writeFiles } from '../support/folder.js';
import { LogLines } from '../support/guarded-app.js';
import { PROTO, SERVER_ID, startTransportApp, type TransportApp } from '../support/transport-app.js';

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
async function callerWith(issued: Issued, trusted = ca, options: Partial<TlsClientOptions> = {}): Promise<Caller> {
  const files = writeFiles(temporaryFolder(), {
    cert: issued.chainPem,
    key: issued.keyPem,
    ca: trusted.root.certificatePem,
  });
  const client = await openTlsClient({
    certificateFile: files.cert,
    keyFile: files.key,
    caFile: files.ca,
    ...options,
  });
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

async function tcpOrdersOf({ client }: Caller, peer?: string): Promise<ClientProxy> {
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

test('a refusal in the log has nothing that is not there', async () => {
  const refused = LogLines.shared.next('refused', { code: 'service_not_allowed' });
  await ask(await tcpOrdersOf(await callerWith(ca.issue({ commonName: 'unlisted' }))), 'who').catch(() => undefined);
  expect(Object.entries(await refused).filter(([, value]) => value === undefined)).toEqual([]);
});

describe("Nest's client over TCP", () => {
  test.each([undefined, 'localhost', SERVER_ID])(
    'is answered as the service whose certificate it presents, by a server known as %s',
    async (peer) => {
      const orders = await tcpOrdersOf(await callerWith(billing()), peer);
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
      await expect(ask(await tcpOrdersOf(await callerWith(issued)), pattern)).rejects.toMatchObject({
        code,
        status: 403,
        request_id: expect.any(String),
      });
  });

  test.each<[string, () => Promise<ClientProxy>]>([
    ['by another name', async () => tcpOrdersOf(await callerWith(billing()), 'payments.example.org')],
    ['by another SPIFFE ID', async () => tcpOrdersOf(await callerWith(billing()), `${SERVER_ID}/x`)],
    ['of a CA that is not trusted', async () => tcpOrdersOf(await callerWith(billing(), TestCa.root()))],
  ])('sends nothing to a server %s', async (_, calling) => {
    const seen = LogLines.shared.events('refused').length;
    // Nest tells of TLS in its log alone, and the caller that the connection is closed.
    await expect(ask(await calling(), 'who')).rejects.toThrow('Connection closed');
    expect(LogLines.shared.events('refused')).toHaveLength(seen);
  });

  test('presents the renewed certificate on its next connection', async () => {
    const [first, next] = [billing(), billing()];
    const caller = await callerWith(first);
    const orders = await tcpOrdersOf(caller);
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

/** What test/fixtures/transports/orders.proto is to Nest. */
interface Orders {
  who: (message: object) => Observable<{ readonly name: string }>;
  billing: (message: object) => Observable<{ readonly name: string }>;
  serial: (message: object) => Observable<{ readonly name: string }>;
  talk: (messages: Observable<object>) => Observable<{ readonly name: string }>;
}

describe("Nest's client over gRPC", () => {
  async function ordersOf({ client }: Caller, peer?: string, url = `localhost:${started.ports.grpc}`): Promise<Orders> {
    const application = await applicationWith([
      {
        name: 'ORDERS',
        transport: Transport.GRPC,
        options: {
          url,
          package: 'orders',
          protoPath: PROTO,
          ...grpcClientOptions(client, peer === undefined ? {} : { peer }),
        },
      },
    ]);
    return application.get<ClientGrpc>('ORDERS').getService<Orders>('Orders');
  }
  const nameOf = async (answer: Observable<{ readonly name: string }>) => (await firstValueFrom(answer)).name;

  test.each([undefined, 'localhost', SERVER_ID])(
    'is answered as the service whose certificate it presents, by a server known as %s',
    async (peer) => {
      const orders = await ordersOf(await callerWith(billing()), peer);
      expect(await nameOf(orders.who({}))).toBe('billing');
      expect(await nameOf(orders.billing({}))).toBe('billing only');
    },
  );

  test('hears why it is refused', async () => {
    for (const [issued, method, code] of [
      [ca.issue({ commonName: 'orders' }), 'billing', 'route_not_allowed'],
      [ca.issue({ commonName: 'unlisted' }), 'who', 'service_not_allowed'],
      [TestCa.root().issue({ commonName: 'billing' }), 'who', 'untrusted_issuer'],
    ] as const) {
      const orders = await ordersOf(await callerWith(issued));
      const error = await nameOf(orders[method]({})).catch((thrown: unknown) => thrown as ServiceError);
      expect(error).toMatchObject({ code: 7 });
      expect((error as ServiceError).metadata.get('code')).toEqual([code]);
    }
  });

  test.each<[string, RegExp, () => Promise<Orders>]>([
    ['by another name', /name/, async () => ordersOf(await callerWith(billing()), 'payments.example.org')],
    ['by another SPIFFE ID', /not the SPIFFE ID/, async () => ordersOf(await callerWith(billing()), `${SERVER_ID}/x`)],
    [
      'of a CA that is not trusted',
      /certificate in certificate chain/,
      async () => ordersOf(await callerWith(billing(), TestCa.root())),
    ],
    [
      'by its address',
      /name/,
      async () => ordersOf(await callerWith(billing()), undefined, `127.0.0.1:${started.ports.grpc}`),
    ],
  ])('sends nothing to a server %s, and says why', async (_, why, calling) => {
    const seen = LogLines.shared.events('refused').length;
    await expect(nameOf((await calling()).who({}))).rejects.toMatchObject({
      code: 14,
      details: expect.stringMatching(why),
    });
    expect(LogLines.shared.events('refused')).toHaveLength(seen);
  });

  test('presents the renewed certificate with the next call; one that is under way ends as it began', async () => {
    const [first, next] = [billing(), billing()];
    const caller = await callerWith(first);
    const orders = await ordersOf(caller);
    const said = new Subject<object>();
    const heard: string[] = [];
    const over = lastValueFrom(orders.talk(said).pipe(tap(({ name }) => heard.push(name))));
    said.next({});
    expect(await nameOf(orders.serial({}))).toBe(first.certificate.serialNumber);
    await caller.renew(next);
    expect(await nameOf(orders.serial({}))).toBe(next.certificate.serialNumber);
    said.next({});
    said.complete();
    await over;
    expect(heard).toEqual(['billing', 'billing']);
    // Nothing is left of the connection from before: a revocation ends the one that is held here, and no other.
    expect(await ask(await tcpOrdersOf(await callerWith(first)), 'serial')).toBe(first.certificate.serialNumber);
    const cut = LogLines.shared.next('connections_cut');
    await started.revoke(first.certificate);
    expect(await cut).toMatchObject({ connections: 1, fingerprint256: first.certificate.fingerprint256 });
  });

  test('a call that waits for its connection while the certificate is renewed is answered', async () => {
    const [first, next] = [billing(), billing()];
    const slow = createServer();
    closing.push(() => slow.close());
    await once(slow.listen(0, '127.0.0.1'), 'listening');
    const caller = await callerWith(first);
    const url = `localhost:${(slow.address() as AddressInfo).port}`;
    const answer = nameOf((await ordersOf(caller, undefined, url)).serial({}));
    const [socket] = (await once(slow, 'connection')) as [Socket];
    await caller.renew(next);
    const through = connect(started.ports.grpc, '127.0.0.1');
    closing.push(
      () => through.destroy(),
      () => socket.destroy(),
    );
    socket.pipe(through).pipe(socket);
    expect(await answer).toBe(first.certificate.serialNumber);
  });

  test('renewed again and again under load: no call fails, and each certificate is seen', async () => {
    const caller = await callerWith(billing());
    const orders = await ordersOf(caller);
    let isOver = false;
    const seen = new Set<string>();
    const working = Array.from({ length: 8 }, async () => {
      while (!isOver) seen.add(await nameOf(orders.serial({})));
    });
    const serials: string[] = [];
    for (let round = 0; round < 5; round++) {
      const next = billing();
      serials.push(next.certificate.serialNumber);
      await caller.renew(next);
      while (!seen.has(next.certificate.serialNumber)) seen.add(await nameOf(orders.serial({})));
    }
    isOver = true;
    await Promise.all(working);
    expect([...seen]).toEqual(expect.arrayContaining(serials));
  });

  test('leaves a server that was revoked, and calls it no more', async () => {
    const { crl } = writeFiles(temporaryFolder(), { crl: ca.crl() });
    const revocation = { crls: [{ source: crl }], refreshInterval: 10 };
    const caller = await callerWith(billing(), ca, { revocation, reloadInterval: 10 });
    const [grpc, tcp] = [await ordersOf(caller), await tcpOrdersOf(caller)];
    expect(await nameOf(grpc.who({}))).toBe('billing');
    replaceFile(crl, ca.crl([{ certificate: started.certificate }]));
    const refused = async (): Promise<unknown> => nameOf(grpc.who({})).then(refused, (error: unknown) => error);
    expect(await refused()).toMatchObject({ code: 14, details: expect.stringMatching(/has been revoked/) });
    await expect(ask(tcp, 'who')).rejects.toThrow('Connection closed');
  });

  test('a call whose interceptor takes its time is answered on the channel of then', async () => {
    const [first, next] = [billing(), billing()];
    const caller = await callerWith(first);
    const { credentials, channelOptions } = grpcClientOptions(caller.client);
    const goOn = Promise.withResolvers<undefined>();
    const interceptor: Interceptor = (options, nextCall) =>
      new InterceptingCall(nextCall(options), {
        start: (metadata, listener, started) =>
          void goOn.promise.then(() => {
            started(metadata, listener);
          }),
      });
    const orders = new Client(`localhost:${started.ports.grpc}`, credentials, {
      ...channelOptions,
      interceptors: [interceptor],
    });
    closing.push(() => {
      orders.close();
    });
    const octets = (message: Buffer): Buffer => message;
    let generated = 0;
    const own = CallCredentials.createFromMetadataGenerator((_, take) => {
      generated++;
      take(null, new Metadata());
    });
    const answer = new Promise<unknown>((resolve) => {
      const given = { credentials: own };
      orders.makeUnaryRequest('/orders.Orders/Serial', octets, octets, Buffer.of(), given, (error, value) => {
        resolve(error ?? value?.toString());
      });
    });
    await caller.renew(next);
    goOn.resolve(undefined);
    expect(await answer).toContain(next.certificate.serialNumber);
    expect(generated).toBe(1);
  });

  test('a client of grpc-js has everything of a channel', async () => {
    const { client } = await callerWith(billing());
    const { credentials, channelOptions } = grpcClientOptions(client);
    const orders = new Client(`localhost:${started.ports.grpc}`, credentials, channelOptions);
    closing.push(() => {
      orders.close();
    });
    await new Promise<void>((resolve, reject) => {
      orders.waitForReady(Date.now() + 10_000, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    const channel = orders.getChannel();
    expect(channel.getTarget()).toBe(`dns:localhost:${started.ports.grpc}`);
    expect(channel.getConnectivityState(false)).toBe(connectivityState.READY);
    expect(channel.getChannelzRef().kind).toBe('channel');
    const octets = (message: Buffer): Buffer => message;
    let generated = 0;
    const own = CallCredentials.createFromMetadataGenerator((_, take) => {
      generated++;
      take(null, new Metadata());
    });
    let peer: string | undefined;
    let subject: unknown;
    await new Promise<void>((resolve, reject) => {
      const call = orders.makeUnaryRequest(
        '/orders.Orders/Who',
        octets,
        octets,
        Buffer.of(),
        { credentials: own },
        (error) => {
          [peer, subject] = [call.getPeer(), call.getAuthContext()?.sslPeerCertificate?.subject];
          if (error) reject(error);
          else resolve();
        },
      );
    });
    expect(generated).toBe(1);
    expect(peer).toMatch(`:${started.ports.grpc}`);
    expect(subject).toMatchObject({ CN: 'localhost' });
    const stream = orders.makeServerStreamRequest('/orders.Orders/Follow', octets, octets, Buffer.of());
    const ended = new Promise((resolve) => stream.once('error', resolve));
    stream.once('data', () => {
      stream.cancel();
    });
    expect(await ended).toMatchObject({ code: status.CANCELLED });
  });

  test('calls nobody once its client is closed; what is under way then is answered', async () => {
    const caller = await callerWith(billing());
    const orders = await ordersOf(caller);
    const said = new Subject<object>();
    const heard: string[] = [];
    const over = lastValueFrom(orders.talk(said).pipe(tap(({ name }) => heard.push(name))));
    said.next({});
    expect(await nameOf(orders.who({}))).toBe('billing');
    await caller.client.close();
    await expect((async () => nameOf(orders.who({})))()).rejects.toThrow('shut down');
    said.next({});
    said.complete();
    await over;
    expect(heard).toEqual(['billing', 'billing']);
    const { credentials, channelOptions } = grpcClientOptions(caller.client);
    expect(() => new Client(`localhost:${started.ports.grpc}`, credentials, channelOptions)).toThrow('closed');
  });

  test('of what grpcClientOptions gives, the credentials alone reach nobody', async () => {
    const { client } = await callerWith(billing());
    const application = await applicationWith([
      {
        name: 'ORDERS',
        transport: Transport.GRPC,
        options: {
          url: `localhost:${started.ports.grpc}`,
          package: 'orders',
          protoPath: PROTO,
          credentials: grpcClientOptions(client).credentials,
        },
      },
    ]);
    const orders = application.get<ClientGrpc>('ORDERS').getService<Orders>('Orders');
    await expect(nameOf(orders.who({}))).rejects.toMatchObject({ details: expect.stringContaining('channelOptions') });
  });
});
