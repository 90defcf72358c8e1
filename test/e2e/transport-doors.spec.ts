import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { createServer, request as httpsRequest } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { json } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect, type Server, type TlsOptions } from 'node:tls';
import {
  credentials,
  loadPackageDefinition,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Controller, Get, Module, Scope, UseInterceptors, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
  type ClientProxy,
  type MicroserviceOptions,
  type TcpContext,
} from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { finalize, firstValueFrom, interval, lastValueFrom, map, tap, type Observable } from 'rxjs';
import { WebSocket, WebSocketServer } from 'ws';
import {
  AllowAnyService,
  AllowExpired,
  AllowServices,
  ClientIdentity,
  ClientIdentityInterceptor,
  DecisionCounts,
  MtlsModule,
  Public,
  Shadow,
  type MtlsOptions,
} from '../../src/mtls/index.js';
import { MtlsGrpcServer } from '../../src/mtls/grpc/index.js';
import { MtlsTcpServer } from '../../src/mtls/tcp/index.js';
import { MtlsWsAdapter } from '../../src/mtls/ws/index.js';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { clientTls, RawConnection } from '../support/client.js';
import { LogLines } from '../support/guarded-app.js';
import { FrameConnection } from '../support/http2-frames.js';
import {
  createApp,
  handlersRun,
  portOf,
  PROTO,
  serverTls,
  startTransportApp,
  type TransportApp,
} from '../support/transport-app.js';
import { openGrpc, openTcp, openWs } from '../support/transport-client.js';

const ca = TestCa.root();
const billing = ca.issue({ commonName: 'billing' });
const orders = ca.issue({ commonName: 'orders' });
const unlisted = ca.issue({ commonName: 'unlisted' });
const foreign = TestCa.root().issue({ commonName: 'billing' });
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const opening = (client: Issued | undefined) => ({ ca, client, version: 'TLSv1.3' as const });

/** Nest's own client over TCP. */
function tcpClient(port: number, client: Issued | undefined): ClientProxy {
  const proxy = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port, tlsOptions: clientTls(ca, client) },
  });
  closing.push(() => proxy.close());
  return proxy;
}

/** An application with one controller for messages over TCP, by its port. */
async function startTcp(controller: Type<object>): Promise<number> {
  const tls = await serverTls(ca);
  const app = await createApp(ca, tls, { controllers: [controller] });
  closing.push(() => app.close());
  const strategy = new MtlsTcpServer({ host: '127.0.0.1', tls });
  app.connectMicroservice<MicroserviceOptions>({ strategy });
  await app.listen(0, '127.0.0.1');
  await app.startAllMicroservices();
  return portOf(strategy.unwrap<Server>());
}

/** The same over gRPC. */
async function startGrpc(controller: Type<object>): Promise<number> {
  const tls = await serverTls(ca);
  const app = await createApp(ca, tls, { controllers: [controller] });
  closing.push(() => app.close());
  const strategy = new MtlsGrpcServer({ host: '127.0.0.1', tls, package: 'orders', protoPath: PROTO });
  app.connectMicroservice<MicroserviceOptions>({ strategy });
  await app.listen(0, '127.0.0.1');
  await app.startAllMicroservices();
  return portOf(strategy.listener);
}

/** What grpc-js makes of test/fixtures/transports/orders.proto. */
interface OrdersClient {
  Who: (message: object, answered: (error: ServiceError | null, answer: object) => void) => void;
  Follow: (message: object) => ClientReadableStream<object>;
  Talk: () => ClientDuplexStream<object, object>;
  Raw: (ignored?: unknown) => ClientDuplexStream<object, object>;
  Gather: (answered: (error: ServiceError | null) => void) => ClientWritableStream<object>;
  close: () => void;
}

/** grpc-js' own client. */
function grpcClient(port: number, client: Issued | undefined): OrdersClient {
  const { orders: service } = loadPackageDefinition(loadSync(PROTO)) as unknown as {
    orders: { Orders: new (address: string, credentials: ChannelCredentials) => OrdersClient };
  };
  const pem = (text: string): Buffer => Buffer.from(text);
  const made = new service.Orders(
    `localhost:${port}`,
    credentials.createSsl(
      pem(ca.root.certificatePem),
      client ? pem(client.keyPem) : null,
      client ? pem(client.chainPem) : null,
    ),
  );
  closing.push(() => made.close());
  return made;
}

interface Frame {
  readonly event: string;
  readonly data: unknown;
}

/** A WebSocket client that gives the frames one by one. */
class Frames {
  private constructor(readonly ws: WebSocket) {}

  static async open(port: number, path: string, client: Issued | undefined): Promise<Frames> {
    const ws = new WebSocket(`wss://localhost:${port}${path}`, clientTls(ca, client));
    closing.push(() => ws.terminate());
    await once(ws, 'open');
    return new Frames(ws);
  }

  async ask(event: string): Promise<Frame> {
    this.ws.send(JSON.stringify({ event, data: {} }));
    const [frame] = (await once(this.ws, 'message')) as [Buffer];
    return JSON.parse(frame.toString()) as Frame;
  }
}

/** A WebSocket of nobody in particular, by its octets: it answers nothing by itself. */
async function upgraded(port: number, path: string): Promise<Duplex> {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
  };
  const asked = httpsRequest({ ...clientTls(ca, undefined), port, path, headers }).end();
  const [, socket] = (await once(asked, 'upgrade')) as [unknown, Duplex];
  closing.push(() => socket.destroy());
  return socket.on('error', () => undefined);
}

/** The status of a refused upgrade, or 101. */
function upgradeStatus(
  port: number,
  path: string,
  client: Issued | undefined,
  headers: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`wss://localhost:${port}${path}`, {
      ...clientTls(ca, client),
      headers,
    });
    ws.once('open', () => {
      ws.terminate();
      resolve(101);
    });
    ws.once('unexpected-response', (_, response) => {
      response.resume();
      resolve(response.statusCode);
    });
    ws.once('error', reject);
  });
}

describe('one application on every transport', () => {
  let started: TransportApp;
  beforeAll(async () => {
    started = await startTransportApp(ca, { inherit: false });
  });
  afterAll(() => started.app.close());

  test('a public handler is open to nobody in particular, and one for any service to who is not listed', async () => {
    for (const open of [openTcp, openGrpc]) {
      const port = open === openTcp ? started.ports.tcp : started.ports.grpc;
      const nobody = await open(port, opening(undefined));
      closing.push(nobody.close);
      expect(await nobody.ask('open')).toEqual({ answer: 'nobody' });
      expect((await nobody.ask('mine')).code).toBe('client_certificate_required');
      const stranger = await open(port, opening(unlisted));
      closing.push(stranger.close);
      expect(await stranger.ask('mine')).toEqual({ answer: 'unlisted' });
      expect((await stranger.ask('who')).code).toBe('service_not_allowed');
    }
  });

  test('who is allowed hears that there is no such handler', async () => {
    const tcp = await openTcp(started.ports.tcp, opening(billing));
    closing.push(tcp.close);
    expect(await tcp.ask('made-up')).toMatchObject({ code: 'not_found', status: 404 });
    // A name of the prototype is no handler either.
    expect(await tcp.ask('constructor')).toMatchObject({ code: 'not_found' });
    const grpc = await openGrpc(started.ports.grpc, opening(billing));
    closing.push(grpc.close);
    expect(await grpc.ask('made-up')).toEqual({ status: 12 });
    expect(await grpc.ask('Unwritten')).toEqual({ status: 12 });
  });

  test('a public gateway is open, and its other messages are not', async () => {
    const nobody = await Frames.open(started.ports.http, '/open', undefined);
    expect(await nobody.ask('hello')).toEqual({ event: 'hello', data: 'anybody' });
    for (const event of ['who', 'made-up'])
      expect(await nobody.ask(event)).toMatchObject({
        event: 'exception',
        data: { code: 'client_certificate_required', status: 401, request_id: expect.any(String) },
      });
    expect(await nobody.ask('hello')).toEqual({ event: 'hello', data: 'anybody' });
    const listed = await Frames.open(started.ports.http, '/open', orders);
    expect((await listed.ask('who')).data).toMatchObject({ code: 'route_not_allowed' });
    const right = await Frames.open(started.ports.http, '/open', billing);
    expect(await right.ask('who')).toEqual({ event: 'who', data: 'billing' });
  });

  test('an upgrade at a path without a gateway is closed as well, and what asks for none is served', async () => {
    expect(await upgradeStatus(started.ports.http, '/nowhere', undefined)).toBe(401);
    expect(await upgradeStatus(started.ports.http, '/open/../live', undefined)).toBe(401);
    expect(await upgradeStatus(started.ports.http, '/live?open', foreign)).toBe(403);
    // Who may, hears that there is none.
    expect(await upgradeStatus(started.ports.http, '/nowhere', billing)).toBe(404);
    expect(await upgradeStatus(started.ports.http, '/nowhere', unlisted)).toBe(403);
    const raw = await RawConnection.open(started.ports.http, clientTls(ca, undefined));
    closing.push(() => raw.close());
    expect((await raw.get('/open')).status).toBe(401);
  });

  test.each([
    ['https://evil.example', '/live', 403],
    ['null', '/live', 403],
    ['http://localhost:{port}', '/live', 403],
    ['https://evil.localhost:{port}', '/live', 403],
    ['https://elsewhere.example', '/live', 101],
    ['https://evil.example', '/open', 101],
  ])('a page of %s that opens %s hears %s', async (origin, path, status) => {
    const { http } = started.ports;
    const page = origin.replace('{port}', String(http));
    expect(await upgradeStatus(http, path, billing, { origin: page })).toBe(status);
    expect(await upgradeStatus(http, path, billing, { origin: `https://localhost:${http}` })).toBe(101);
  });

  test('a certificate in a header of the upgrade is believed from nobody who is no proxy', async () => {
    const headers = { 'client-cert': `:${Buffer.from(billing.certificate.der).toString('base64')}:` };
    for (const client of [undefined, unlisted, billing])
      for (const path of ['/live', '/open'])
        expect(await upgradeStatus(started.ports.http, path, client, headers)).toBe(400);
  });

  test('a WebSocket whose certificate is revoked is closed with 1008 and told why', async () => {
    const client = ca.issue({ commonName: 'billing' });
    const frames = await Frames.open(started.ports.http, '/live', client);
    const [frame, close] = [once(frames.ws, 'message'), once(frames.ws, 'close')];
    await started.revoke(client.certificate);
    const [text] = (await frame) as [Buffer];
    expect(JSON.parse(text.toString())).toMatchObject({ event: 'exception', data: { code: 'certificate_revoked' } });
    const [code, reason] = (await close) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([1008, 'certificate_revoked']);
  });

  test("Nest's own TCP client gets answers, and refusals as what it throws", async () => {
    expect(await firstValueFrom(tcpClient(started.ports.tcp, billing).send<string>('who', {}))).toBe('billing');
    await expect(firstValueFrom(tcpClient(started.ports.tcp, foreign).send('who', {}))).rejects.toMatchObject({
      code: 'untrusted_issuer',
      status: 403,
      detail: expect.stringContaining('certification authority'),
    });
  });

  test('answers over TCP stop when the certificate is revoked', async () => {
    const client = ca.issue({ commonName: 'billing' });
    const answers = tcpClient(started.ports.tcp, client).send<number>('ticks', {});
    let began = (): void => undefined;
    const first = new Promise<void>((resolve) => (began = resolve));
    const over = lastValueFrom(answers.pipe(tap(() => began())));
    await first;
    await Promise.all([
      expect(over).rejects.toMatchObject({ code: 'certificate_revoked' }),
      started.revoke(client.certificate),
    ]);
  });

  test("grpc-js' own client: unary calls, streams in both directions, and refusals with code and request id", async () => {
    const right = grpcClient(started.ports.grpc, billing);
    const who = await new Promise((resolve, reject) => {
      right.Who({}, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
    expect(who).toEqual({ name: 'billing' });
    for (const [method, name] of [
      ['Talk', 'billing'],
      ['Raw', 'raw'],
    ] as const) {
      const stream = right[method]();
      stream.write({});
      expect(await once(stream, 'data')).toEqual([{ name }]);
      stream.write({});
      expect(await once(stream, 'data')).toEqual([{ name }]);
      stream.end();
      stream.resume();
      await once(stream, 'end');
    }
    for (const [client, method, code, status] of [
      [orders, 'Talk', 'route_not_allowed', 7],
      [foreign, 'Raw', 'untrusted_issuer', 7],
      [undefined, 'Follow', 'client_certificate_required', 16],
    ] as const) {
      const stream = grpcClient(started.ports.grpc, client)[method]({});
      const error = await new Promise<ServiceError>((resolve) => stream.resume().once('error', resolve));
      expect([error.code, error.metadata.get('code')]).toEqual([status, [code]]);
      expect(error.metadata.get('request_id')).toEqual([expect.stringMatching(/^[\w-]{8,}$/)]);
    }
  });

  test('a gRPC stream ends when the certificate is revoked: who sends, and who only listens', async () => {
    const client = ca.issue({ commonName: 'billing' });
    const following = grpcClient(started.ports.grpc, client).Follow({});
    const talking = grpcClient(started.ports.grpc, client).Talk();
    const raw = grpcClient(started.ports.grpc, client).Raw();
    talking.write({});
    raw.write({});
    await Promise.all([once(following, 'data'), once(talking, 'data'), once(raw, 'data')]);
    following.resume();
    const ends = new Promise((resolve) => following.once('error', resolve));
    const idle = new Promise((resolve) => talking.once('error', resolve));
    const cut = new Promise((resolve) => raw.once('error', resolve));
    await started.revoke(client.certificate);
    const ran = handlersRun();
    raw.write({});
    expect(await cut).toMatchObject({ code: 7 });
    // Nothing of it has reached the handler.
    expect(handlersRun()).toBe(ran);
    expect(await ends).toMatchObject({ code: 7 });
    talking.write({});
    expect(await idle).toMatchObject({ code: 7 });
  });
});

@Controller()
class Plain {
  static heard: unknown[] = [];

  @MessagePattern('/exempt')
  exempt(): string {
    return 'secret';
  }
  @MessagePattern('open')
  @Public()
  open(): string {
    return 'open';
  }
  @EventPattern('noted')
  noted(data: unknown): void {
    Plain.heard.push(data);
  }
}

@Controller()
class Twin {
  @MessagePattern(['twin', { cmd: 'twin' }])
  @Public()
  twin(): string {
    return 'secret';
  }
}

@Controller()
class StricterTwin {
  @MessagePattern(['twin', { cmd: 'twin' }])
  @AllowServices('billing')
  twin(): string {
    return 'secret';
  }
}

@Controller({ scope: Scope.REQUEST })
@AllowServices('billing')
class Scoped {
  @MessagePattern({ cmd: 'scoped', version: 1 })
  scoped(): string {
    return 'scoped';
  }
}

describe('microservices', () => {
  test.each([true, false])(
    'a strategy of somebody else is given handlers that refuse, but for public ones (inheritAppConfig: %s)',
    async (inheritAppConfig) => {
      const tls = await serverTls(ca);
      const app = await createApp(ca, tls, { controllers: [Plain] });
      closing.push(() => app.close());
      const warned = LogLines.shared.next('transport_not_guarded', { transport: 'ServerTCP' });
      const plain = app.connectMicroservice<MicroserviceOptions>(
        { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0, tlsOptions: tls } },
        { inheritAppConfig },
      );
      await warned;
      await app.listen(0, '127.0.0.1');
      await app.startAllMicroservices();
      const port = portOf(plain.unwrap<Server>());
      expect(await firstValueFrom(tcpClient(port, undefined).send<string>('open', {}))).toBe('open');
      const refused = LogLines.shared.next('refused', { transport: 'ServerTCP' });
      await expect(firstValueFrom(tcpClient(port, billing).send('/exempt', {}))).rejects.toMatchObject({
        code: 'validation_failed',
        status: 500,
        request_id: expect.any(String),
      });
      expect(await refused).toMatchObject({
        status: 500,
        passedOver: 0,
        mend: expect.any(String),
        checks: [{ check: 'validation', ok: false }],
      });
      await lastValueFrom(tcpClient(port, billing).emit('noted', 'never'));
      const from = LogLines.shared.lines.length;
      const client = tcpClient(port, undefined);
      const more = Array.from({ length: 100 }, () => firstValueFrom(client.send('/exempt', {})));
      expect(new Set((await Promise.allSettled(more)).map(({ status }) => status))).toEqual(new Set(['rejected']));
      expect(Plain.heard).not.toContain('never');
      expect(app.get(DecisionCounts, { strict: false }).refused.get('validation_failed')).toBe(102);
      // One a second at most, whoever sends, and however slow the machine.
      expect(LogLines.shared.lines.length - from).toBeLessThan(20);
    },
  );

  test('one pattern in two controllers asks for what both ask, a request-scoped controller for its own, and a path’s exemption opens no pattern', async () => {
    const tls = await serverTls(ca);
    const app = await createApp(
      ca,
      tls,
      { controllers: [Plain, StricterTwin, Twin, Scoped] },
      { exemptPaths: ['/exempt'] },
    );
    closing.push(() => app.close());
    const strategy = new MtlsTcpServer({ host: '127.0.0.1', tls });
    app.connectMicroservice<MicroserviceOptions>({ strategy });
    await app.listen(0, '127.0.0.1');
    await app.startAllMicroservices();
    const port = portOf(strategy.unwrap<Server>());
    const code = (name: string) => ({ code: name });
    for (const twin of ['twin', { cmd: 'twin' }]) {
      await expect(firstValueFrom(tcpClient(port, undefined).send(twin, {}))).rejects.toMatchObject(
        code('client_certificate_required'),
      );
      await expect(firstValueFrom(tcpClient(port, orders).send(twin, {}))).rejects.toMatchObject(
        code('route_not_allowed'),
      );
    }
    await expect(firstValueFrom(tcpClient(port, undefined).send('/exempt', {}))).rejects.toMatchObject(
      code('client_certificate_required'),
    );
    const scoped = { version: 1, cmd: 'scoped' };
    expect(await firstValueFrom(tcpClient(port, billing).send<string>(scoped, {}))).toBe('scoped');
    await expect(firstValueFrom(tcpClient(port, orders).send(scoped, {}))).rejects.toMatchObject(
      code('route_not_allowed'),
    );
    // Events have no answer: only the log says that they were refused.
    const refused = LogLines.shared.next('refused', { method: 'TCP' });
    await lastValueFrom(tcpClient(port, foreign).emit('noted', 'by a stranger'));
    await refused;
    await lastValueFrom(tcpClient(port, billing).emit('noted', 'by billing'));
    await firstValueFrom(tcpClient(port, billing).send(scoped, {}));
    expect(Plain.heard).not.toContain('by a stranger');
    expect(Plain.heard).toContain('by billing');
  });

  test('answers that go on over TCP end with their connection', async () => {
    const ended = Promise.withResolvers<undefined>();
    @Controller()
    class Endless {
      @MessagePattern('endless')
      endless(): Observable<number> {
        return interval(5).pipe(
          finalize(() => {
            ended.resolve(undefined);
          }),
        );
      }
    }
    const tls = await serverTls(ca);
    const app = await createApp(ca, tls, { controllers: [Endless] });
    closing.push(() => app.close());
    const strategy = new MtlsTcpServer({ host: '127.0.0.1', tls });
    app.connectMicroservice<MicroserviceOptions>({ strategy });
    await app.startAllMicroservices();
    const client = await openTcp(portOf(strategy.unwrap<Server>()), opening(billing));
    expect(await client.ask('endless')).toEqual({ answer: 0 });
    client.close();
    await ended.promise;
  });

  test('octets that are no message end the connection, in one short line of the log', async () => {
    const port = await startTcp(Plain);
    const seen = LogLines.shared.next('message_failed');
    const before = LogLines.shared.events('message_failed').length;
    const began = performance.now();
    for (const octets of [`9999#${'x'.repeat(9999)}`, `999999#${'x'.repeat(200_000)}`, 'x'.repeat(200_000)]) {
      const client = await openTcp(port, opening(undefined));
      client.socket.write(octets);
      await client.closed;
    }
    expect(String((await seen).reason).length).toBeLessThanOrEqual(256);
    // One a second at most, however slow the machine.
    const lines = LogLines.shared.events('message_failed').length - before;
    expect(lines).toBeLessThanOrEqual(1 + Math.floor((performance.now() - began) / 1000));
    // Nor does it last for who does not end it on the other side, and goes on.
    const halfOpen = { ...clientTls(ca, billing), port, allowHalfOpen: true };
    const half = connect(halfOpen);
    closing.push(() => half.destroy());
    half.on('error', () => undefined).resume();
    const gone = new Promise((resolve) => half.once('close', resolve));
    half.write('x#');
    await once(half, 'end');
    const more = setInterval(() => half.write('2#{}'), 10);
    await gone;
    clearInterval(more);
    expect(await firstValueFrom(tcpClient(port, billing).send<string>('/exempt', {}))).toBe('secret');
  });

  test('a connection whose handshake is not finished in time is cut, over TCP and for gRPC', async () => {
    @Controller()
    class Nothing {}
    const tls = { ...(await serverTls(ca)), handshakeTimeout: 200 };
    const app = await createApp(ca, tls, { controllers: [Nothing] });
    closing.push(() => app.close());
    const tcp = new MtlsTcpServer({ host: '127.0.0.1', tls });
    const grpc = new MtlsGrpcServer({ host: '127.0.0.1', tls, package: 'orders', protoPath: PROTO });
    for (const strategy of [tcp, grpc]) app.connectMicroservice<MicroserviceOptions>({ strategy });
    await app.listen(0, '127.0.0.1');
    await app.startAllMicroservices();
    for (const server of [tcp.unwrap<Server>(), grpc.listener]) {
      const socket = connectTcp(portOf(server), '127.0.0.1').on('error', () => undefined);
      closing.push(() => socket.destroy());
      await once(socket.resume(), 'close');
    }
  });

  test('a connection that is still in its handshake when the server closes is cut after it, over TCP and for gRPC', async () => {
    const tls = await serverTls(ca);
    const app = await createApp(ca, tls, {});
    const tcp = new MtlsTcpServer({ host: '127.0.0.1', tls });
    const grpc = new MtlsGrpcServer({ host: '127.0.0.1', tls, package: 'orders', protoPath: PROTO });
    for (const strategy of [tcp, grpc]) app.connectMicroservice<MicroserviceOptions>({ strategy });
    await app.listen(0, '127.0.0.1');
    await app.startAllMicroservices();
    const begun: Socket[] = [];
    for (const server of [tcp.unwrap<Server>(), grpc.listener]) {
      const accepted = once(server, 'connection');
      begun.push(connectTcp(portOf(server), '127.0.0.1'));
      await accepted;
    }
    closing.push(() => begun.forEach((socket) => socket.destroy()));
    await app.close();
    for (const socket of begun) {
      const late = connect({ ...clientTls(ca, billing), socket, ALPNProtocols: ['h2'] }).on('error', () => undefined);
      await once(late.resume(), 'close');
    }
  });

  /** An application over TCP and gRPC, by its servers. */
  async function startBoth(
    {
      idleTimeout,
      messageTimeout,
      maxConnections,
      ...more
    }: Partial<TlsOptions> & { idleTimeout?: number; messageTimeout?: number; maxConnections?: number },
    options: Partial<MtlsOptions> = {},
  ): Promise<readonly (readonly [typeof openTcp, Server])[]> {
    @Controller()
    class Both {
      @MessagePattern('who', Transport.TCP)
      who(@Payload() _: unknown, @ClientIdentity() who: ClientIdentity): string {
        return who.service;
      }
      @GrpcMethod('Orders', 'Who')
      grpcWho(@Payload() _: unknown, @ClientIdentity() who: ClientIdentity): object {
        return { name: who.service };
      }
    }
    const tls = { ...(await serverTls(ca)), ...more };
    const app = await createApp(ca, tls, { controllers: [Both] }, options);
    closing.push(() => app.close());
    const shared = { host: '127.0.0.1', tls, ...(maxConnections ? { maxConnections } : {}) };
    const tcp = new MtlsTcpServer({
      ...shared,
      ...(idleTimeout ? { idleTimeout } : {}),
      ...(messageTimeout ? { messageTimeout } : {}),
    });
    const grpc = new MtlsGrpcServer({ ...shared, package: 'orders', protoPath: PROTO });
    for (const strategy of [tcp, grpc]) app.connectMicroservice<MicroserviceOptions>({ strategy });
    await app.listen(0, '127.0.0.1');
    await app.startAllMicroservices();
    return [
      [openTcp, tcp.unwrap<Server>()],
      [openGrpc, grpc.listener],
    ];
  }

  test('a client certificate is asked for, whatever the TLS options say', async () => {
    for (const [open, server] of await startBoth({ requestCert: false })) {
      const client = await open(portOf(server), opening(billing));
      closing.push(client.close);
      expect(await client.ask('who')).toEqual({ answer: 'billing' });
    }
  });

  test('no more connections are taken than there may be', async () => {
    for (const [open, server] of await startBoth({ maxConnections: 1 })) {
      const client = await open(portOf(server), opening(billing));
      closing.push(client.close);
      await expect(open(portOf(server), opening(billing))).rejects.toThrow();
      expect(await client.ask('who')).toEqual({ answer: 'billing' });
    }
  });

  test('a connection whose certificate is refused as over ends after the answer, where nothing else cuts it', async () => {
    let time = 0;
    const options = { clock: () => new Date(Date.now() + time), cutConnections: false };
    for (const [open, server] of await startBoth({}, options)) {
      const client = await open(portOf(server), opening(billing));
      closing.push(client.close);
      expect(await client.ask('who')).toEqual({ answer: 'billing' });
      time = 1000 * 24 * 3_600_000;
      expect(await client.ask('who')).toMatchObject({ code: 'certificate_expired' });
      await client.closed;
      time = 0;
    }
  });

  test('a TCP connection over which nothing comes is cut', async () => {
    const [[, server] = []] = await startBoth({ idleTimeout: 100 });
    // Whose own side stays open.
    const halfOpen = { ...clientTls(ca, billing), port: portOf(server!), allowHalfOpen: true };
    const half = connect(halfOpen);
    closing.push(() => half.destroy());
    half.on('error', () => undefined).resume();
    const gone = new Promise((resolve) => half.once('close', resolve));
    await once(half, 'end');
    const more = setInterval(() => half.write('2#{}'), 10);
    await gone;
    clearInterval(more);
  });

  test('a message over TCP that is not whole in time ends the connection, however steadily it comes, and one that is does not', async () => {
    const [[, server] = []] = await startBoth({ messageTimeout: 2_000 });
    const open = async () => {
      const socket = connect({ ...clientTls(ca, billing), port: portOf(server!) });
      closing.push(() => socket.destroy());
      await once(
        socket.on('error', () => undefined),
        'secureConnect',
      );
      return socket;
    };
    const patient = await open();
    const body = JSON.stringify({ pattern: 'who', data: '', id: '1' });
    const parts = [`${body.length}#`, body.slice(0, 20), body.slice(20)];
    for (const part of parts) await new Promise((resolve) => patient.write(part, resolve));
    expect(String(await once(patient, 'data'))).toMatch(/"response":"billing"/);

    const slow = (await open()).resume();
    slow.write('100000#{"pattern":"who","data":"');
    const more = setInterval(() => slow.write('x'), 10);
    await once(slow, 'close');
    clearInterval(more);
    for (const part of parts) patient.write(part);
    expect(String(await once(patient, 'data'))).toMatch(/"response":"billing"/);
  });

  test('messages that are small enough are answered, however close they follow each other, and one that is too large is not', async () => {
    @Controller()
    class Sizes {
      @MessagePattern('size')
      size(text: string): number {
        return text.length;
      }
    }
    const port = await startTcp(Sizes);
    const client = tcpClient(port, billing);
    const send = (length: number) => firstValueFrom(client.send<number>('size', 'x'.repeat(length)));
    const lengths = [130_000, 130_001, 130_002, 130_003];
    expect(await Promise.all(lengths.map(send))).toEqual(lengths);
    await expect(send(131_072)).rejects.toThrow('Connection closed');
  });

  test('of the messages that come over TCP in one read a few at a time are handled, in their order', async () => {
    const seen: number[] = [];
    const done = Promise.withResolvers<undefined>();
    @Controller()
    class Counting {
      @EventPattern('count')
      count(number: number): void {
        if (seen.push(number) === MANY) done.resolve(undefined);
      }
    }
    const MANY = 2_000;
    const port = await startTcp(Counting);
    const client = await openTcp(port, opening(billing));
    const frames = Array.from({ length: MANY }, (_, data) => JSON.stringify({ pattern: 'count', data }));
    client.socket.write(frames.map((frame) => `${frame.length}#${frame}`).join(''));
    const atOnce: number[] = [];
    for (let before = 0; seen.length < MANY; before = seen.length) {
      await new Promise(setImmediate);
      atOnce.push(seen.length - before);
    }
    await done.promise;
    expect(seen).toEqual(frames.map((_, i) => i));
    // The last of one read and the first of the next may have the same turn.
    expect(Math.max(...atOnce)).toBeLessThanOrEqual(64);
    client.close();
  });

  test('nothing more is read over TCP while messages wait for their turn, though the peer takes its answers', async () => {
    const [MANY, OCTETS] = [10_000, 100];
    let asked = 0;
    let waiting = 0;
    const done = Promise.withResolvers<undefined>();
    @Controller()
    class Generous {
      @MessagePattern('much')
      much(@Payload() _: unknown, @Ctx() context: TcpContext): string {
        waiting = Math.max(waiting, context.getSocketRef().netSocket.bytesRead - asked * OCTETS);
        if (++asked === MANY) done.resolve(undefined);
        return 'x'.repeat(4_000);
      }
    }
    const port = await startTcp(Generous);
    const client = await openTcp(port, opening(billing));
    const frames = Array.from({ length: MANY }, (_, id) =>
      `${OCTETS - 3}#${JSON.stringify({ pattern: 'much', id: String(id) })}`.padEnd(OCTETS),
    );
    client.socket.write(frames.join(''));
    await done.promise;
    expect(waiting).toBeLessThan(256 * 1024);
    client.close();
  });

  test.each(['Raw', 'Gather'] as const)(
    'a gRPC call whose handler takes the stream %s and throws is told so, and the process lives',
    async (method) => {
      @Controller()
      class Failing {
        @GrpcStreamCall('Orders', 'Raw')
        raw(): void {
          throw new RpcException({ code: 3, message: 'not like this' });
        }
        @GrpcStreamCall('Orders', 'Gather')
        gather(): Promise<never> {
          return Promise.reject(new RpcException({ code: 3, message: 'not like this' }));
        }
      }
      const port = await startGrpc(Failing);
      const told = await new Promise<ServiceError | null>((resolve) => {
        const call = grpcClient(port, billing)[method]((error) => {
          resolve(error);
        });
        call.once('error', resolve);
        call.write({});
      });
      expect(told).toMatchObject({ code: 3, details: 'not like this' });
    },
  );

  test('a handler that takes the gRPC stream itself is not begun for who is refused', async () => {
    const begun: string[] = [];
    @Controller()
    class Taking {
      @GrpcStreamCall('Orders', 'Raw')
      raw(stream: ClientDuplexStream<object, object>): void {
        begun.push('Raw');
        stream.on('data', () => stream.end());
      }
    }
    const port = await startGrpc(Taking);
    for (const client of [foreign, unlisted, undefined]) {
      const refused = once(grpcClient(port, client).Raw().resume(), 'error');
      expect((await refused)[0]).toMatchObject({ code: client ? 7 : 16 });
    }
    const call = grpcClient(port, billing).Raw();
    call.write({});
    await once(call.resume(), 'end');
    expect(begun).toEqual(['Raw']);
  });

  test('gRPC calls that are under way are answered before a graceful end, and new ones are not taken', async () => {
    const [begun, release] = [Promise.withResolvers<undefined>(), Promise.withResolvers<object>()];
    @Controller()
    class Slow {
      @GrpcMethod('Orders', 'Who')
      who(): Promise<object> {
        begun.resolve(undefined);
        return release.promise;
      }
    }
    const tls = await serverTls(ca);
    const app = await createApp(ca, tls, { controllers: [Slow] });
    const strategy = new MtlsGrpcServer({
      host: '127.0.0.1',
      tls,
      package: 'orders',
      protoPath: PROTO,
      gracefulShutdown: true,
    });
    app.connectMicroservice<MicroserviceOptions>({ strategy });
    await app.listen(0, '127.0.0.1');
    await app.startAllMicroservices();
    const port = portOf(strategy.listener);
    const who = (client: OrdersClient) =>
      new Promise((resolve) => {
        client.Who({}, (error, answer) => resolve(error?.code ?? answer));
      });
    const answer = who(grpcClient(port, billing));
    await begun.promise;
    const closed = app.close();
    while (strategy.listener.listening) await nextTurn();
    expect(await who(grpcClient(port, orders))).toBe(14);
    release.resolve({ name: 'late' });
    expect(await answer).toEqual({ name: 'late' });
    await closed;
  });

  test('a gRPC connection over which no answer to a ping comes is cut', async () => {
    @Controller()
    class Nothing {}
    const port = await startGrpc(Nothing);
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'setInterval', 'queueMicrotask', 'performance', 'Date'],
    });
    closing.push(() => jest.useRealTimers());
    const gone = await FrameConnection.open(port, clientTls(ca, billing));
    await once(gone.socket, 'data');
    jest.advanceTimersByTime(30_000);
    jest.advanceTimersByTime(20_000);
    await gone.untilClosed();
  });

  test('who asks over a gRPC stream and takes no answer is not read any further, and loses nothing', async () => {
    let received = 0;
    @Controller()
    class Talking {
      @GrpcStreamMethod('Orders', 'Talk')
      talk(messages: Observable<object>): Observable<object> {
        return messages.pipe(map(() => ({ name: String(++received) })));
      }
      @GrpcMethod('Orders', 'Who')
      who(): object {
        return { name: 'who' };
      }
    }
    const port = await startGrpc(Talking);
    const session = connectHttp2(`https://localhost:${port}`, {
      ...clientTls(ca, billing),
      ALPNProtocols: ['h2'],
      settings: { initialWindowSize: 0 },
    });
    closing.push(() => {
      session.destroy();
    });
    const stream = session.request({
      ':method': 'POST',
      ':path': '/orders.Orders/Talk',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const count = 4_000;
    stream.end(Buffer.alloc(5 * count));
    const other = await openGrpc(port, opening(billing));
    closing.push(other.close);
    for (let before = -1, unchanged = 0; unchanged < 20; before = received) {
      expect(await other.ask('who')).toEqual({ answer: 'who' });
      unchanged = received === before ? unchanged + 1 : 0;
    }
    expect(received).toBeLessThan(count / 2);
    session.settings({ initialWindowSize: 65_535 });
    const [fields] = (await once(stream.resume(), 'trailers')) as [Record<string, unknown>];
    expect([fields['grpc-status'], received]).toEqual(['0', count]);
  });

  test('one gRPC method under both of its names asks for what both handlers ask', async () => {
    @Controller()
    class Named {
      @GrpcMethod('Orders', 'Who')
      @AllowServices('billing')
      restricted(): object {
        return { name: 'secret' };
      }
      // What grpc-js calls the same method.
      @GrpcMethod('Orders', 'who')
      @Public()
      open(): object {
        return { name: 'open' };
      }
    }
    const port = await startGrpc(Named);
    const nobody = await openGrpc(port, opening(undefined));
    closing.push(nobody.close);
    expect((await nobody.ask('Who')).code).toBe('client_certificate_required');
  });

  test('a caller of a public handler is known with the interceptor, and anybody else goes on without a name', async () => {
    @Controller()
    @Public()
    @UseInterceptors(ClientIdentityInterceptor)
    class Messages {
      @MessagePattern('open', Transport.TCP)
      tcp(@Payload() _: unknown, @ClientIdentity() who: ClientIdentity | undefined): string {
        return who?.service ?? 'nobody';
      }
      @GrpcMethod('Orders', 'Open')
      grpc(@Payload() _: unknown, @ClientIdentity() who: ClientIdentity | undefined): object {
        return { name: who?.service ?? 'nobody' };
      }
    }
    @WebSocketGateway({ path: '/live' })
    @Public()
    @UseInterceptors(ClientIdentityInterceptor)
    class Gateway {
      @SubscribeMessage('open')
      open(@ClientIdentity() who: ClientIdentity | undefined): object {
        return { event: 'open', data: who?.service ?? 'nobody' };
      }
    }
    const tls = await serverTls(ca);
    let time = 0;
    const app = await createApp(
      ca,
      tls,
      { controllers: [Messages], providers: [Gateway] },
      { clock: () => new Date(Date.now() + time), cutConnections: false },
    );
    closing.push(() => app.close());
    app.useWebSocketAdapter(new MtlsWsAdapter(app));
    const tcp = new MtlsTcpServer({ host: '127.0.0.1', tls });
    const grpc = new MtlsGrpcServer({ host: '127.0.0.1', tls, package: 'orders', protoPath: PROTO });
    for (const strategy of [tcp, grpc]) app.connectMicroservice<MicroserviceOptions>({ strategy });
    await app.listen(0, '127.0.0.1');
    await app.startAllMicroservices();
    for (const [open, port] of [
      [openTcp, portOf(tcp.unwrap<Server>())],
      [openGrpc, portOf(grpc.listener)],
      [openWs, portOf(app.getHttpServer())],
    ] as const)
      for (const [certificate, answer] of [
        [billing, 'billing'],
        [undefined, 'nobody'],
        [foreign, 'nobody'],
        [unlisted, 'nobody'],
      ] as const) {
        const client = await open(port, opening(certificate));
        closing.push(client.close);
        expect(await client.ask('open')).toEqual({ answer });
        time = 1000 * 24 * 3_600_000;
        expect(await client.ask('open')).toEqual({ answer: 'nobody' });
        time = 0;
      }
  });

  test('an application of messages alone is guarded like any other', async () => {
    @Module({
      imports: [MtlsModule.forRoot({ trustAnchors: ca.root.certificatePem, services: ['billing'] })],
      controllers: [Plain],
    })
    class MessagesModule {}
    const strategy = new MtlsTcpServer({ host: '127.0.0.1', tls: await serverTls(ca) });
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(MessagesModule, {
      strategy,
      logger: LogLines.shared,
      abortOnError: false,
    });
    closing.push(() => app.close());
    await app.listen();
    const port = portOf(strategy.unwrap<Server>());
    expect(await firstValueFrom(tcpClient(port, billing).send<string>('/exempt', {}))).toBe('secret');
    await expect(firstValueFrom(tcpClient(port, orders).send('/exempt', {}))).rejects.toMatchObject({
      code: 'service_not_allowed',
    });
  });

  test('without MtlsModule the strategy does not start', async () => {
    @Module({})
    class Unguarded {}
    const strategy = new MtlsTcpServer({ host: '127.0.0.1', tls: await serverTls(ca) });
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(Unguarded, {
      strategy,
      logger: LogLines.shared,
      abortOnError: false,
    });
    closing.push(() => app.close().catch(() => undefined));
    await expect(app.listen()).rejects.toThrow('import MtlsModule');
  });
});

describe('WebSockets', () => {
  @WebSocketGateway({ path: '/live' })
  class Live {
    @SubscribeMessage('who')
    who(): string {
      return 'secret';
    }
  }
  @WebSocketGateway(8089, { path: '/live' })
  class OwnPort extends Live {}

  test('a gateway behind another adapter, or on a port of its own, stops the start', async () => {
    const app = await createApp(ca, await serverTls(ca), { providers: [Live] });
    closing.push(() => app.close());
    app.useWebSocketAdapter(new WsAdapter(app));
    await expect(app.init()).rejects.toThrow('the gateway Live is not guarded');
    const other = await createApp(ca, await serverTls(ca), { providers: [OwnPort] });
    closing.push(() => other.close());
    other.useWebSocketAdapter(new MtlsWsAdapter(other));
    await expect(other.init()).rejects.toThrow('port 8089 would have no TLS');
  });

  test('gateways are not opened a second time by a microservice that initializes later', async () => {
    const tls = await serverTls(ca);
    const app = await createApp(ca, tls, { providers: [Live] });
    closing.push(() => app.close());
    app.useWebSocketAdapter(new MtlsWsAdapter(app));
    app.connectMicroservice<MicroserviceOptions>(
      { strategy: new MtlsTcpServer({ host: '127.0.0.1', tls }) },
      { inheritAppConfig: true, deferInitialization: true },
    );
    await app.listen(0, '127.0.0.1');
    await expect(app.startAllMicroservices()).rejects.toThrow('deferInitialization');
  });

  test('a WebSocket server that is put on the HTTPS server past Nest needs an allowed service', async () => {
    const app = await createApp(ca, await serverTls(ca), {});
    closing.push(() => app.close());
    await app.listen(0, '127.0.0.1');
    const server = new WebSocketServer({ server: app.getHttpServer() as unknown as ReturnType<typeof createServer> });
    closing.push(() => server.close());
    const port = portOf(app.getHttpServer());
    expect(await upgradeStatus(port, '/', undefined)).toBe(401);
    expect(await upgradeStatus(port, '/', unlisted)).toBe(403);
    expect(await upgradeStatus(port, '/', billing)).toBe(101);
  });

  test('who listens for requests past Nest, as socket.io does for its polling, is past the guard, and the log says so', async () => {
    const app = await createApp(ca, await serverTls(ca), {});
    closing.push(() => app.close());
    const before = LogLines.shared.events('requests_not_guarded').length;
    await app.listen(0, '127.0.0.1');
    expect(LogLines.shared.events('requests_not_guarded')).toHaveLength(before);
    app.getHttpServer().on('request', () => undefined);
    expect(LogLines.shared.events('requests_not_guarded')).toHaveLength(before + 1);
  });

  test('a gateway whose policy is only tried is closed to pages of another site all the same', async () => {
    @WebSocketGateway({ path: '/live' })
    @AllowServices('orders')
    @Shadow()
    class Tried extends Live {}
    const app = await createApp(ca, await serverTls(ca), { providers: [Tried] });
    closing.push(() => app.close());
    app.useWebSocketAdapter(new MtlsWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const port = portOf(app.getHttpServer());
    expect(await upgradeStatus(port, '/live', unlisted)).toBe(101);
    expect(await upgradeStatus(port, '/live', billing, { origin: 'https://evil.example' })).toBe(403);
  });

  test('a path is open to whom one of its messages is; what it only tries, or lets pass after its end, opens no path', async () => {
    @WebSocketGateway({ path: '/any' })
    class Any extends Live {
      @SubscribeMessage('any')
      @AllowAnyService()
      any(): string {
        return 'any';
      }
    }
    @WebSocketGateway({ path: '/several' })
    class Several extends Live {
      @SubscribeMessage('late')
      @AllowExpired()
      late(): string {
        return 'late';
      }
    }
    @WebSocketGateway({ path: '/several' })
    @Shadow()
    class Tried extends Live {}
    const providers = [Any, Several, Tried];
    const app = await createApp(ca, await serverTls(ca), { providers }, { expiredGrace: 86_400_000 });
    closing.push(() => app.close());
    app.useWebSocketAdapter(new MtlsWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const port = portOf(app.getHttpServer());
    const expired = ca.issue({ commonName: 'billing', notAfter: new Date(Date.now() - 1000) });
    const opened = (path: string): Promise<unknown[]> =>
      Promise.all([billing, unlisted, expired].map((client) => upgradeStatus(port, path, client)));
    expect(await opened('/any')).toEqual([101, 101, 403]);
    expect(await opened('/several')).toEqual([101, 403, 403]);
  });

  test.each(['answers', 'pongs'])('a WebSocket whose %s nobody takes is cut at 16 MiB', async (what) => {
    const clients: WebSocket[] = [];
    @WebSocketGateway({ path: '/large' })
    @Public()
    class Large {
      handleConnection(client: WebSocket): void {
        clients.push(client);
      }
      @SubscribeMessage('large')
      large(): object {
        return { event: 'large', data: 'a'.repeat(1_000_000) };
      }
    }
    const app = await createApp(ca, await serverTls(ca), { providers: [Large] });
    closing.push(() => app.close());
    app.useWebSocketAdapter(new MtlsWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const socket = await upgraded(portOf(app.getHttpServer()), '/large');
    socket.pause();
    const gone = once(clients[0]!, 'close');
    const octets = what === 'pongs' ? 'a'.repeat(120) : '{"event":"large"}';
    // Masked with zeros, which change nothing.
    const header = [what === 'pongs' ? 0x89 : 0x81, 0x80 | octets.length, 0, 0, 0, 0];
    const frames = Buffer.concat(
      Array(200).fill(Buffer.concat([Buffer.from(header), Buffer.from(octets)])) as Buffer[],
    );
    let most = 0;
    while (clients[0]!.readyState !== WebSocket.CLOSED) {
      if (!socket.write(frames)) await Promise.race([once(socket, 'drain'), gone]);
      await nextTurn();
      most = Math.max(most, clients[0]!.bufferedAmount);
    }
    expect(most).toBeLessThan(20 * 1024 * 1024);
  });

  test('a WebSocket from which nothing comes any more is cut, and one that only listens is not', async () => {
    @WebSocketGateway({ path: '/quiet' })
    @Public()
    class Quiet {}
    const app = await createApp(ca, await serverTls(ca), { providers: [Quiet] });
    closing.push(() => app.close());
    app.useWebSocketAdapter(new MtlsWsAdapter(app, { pingInterval: 500 }));
    await app.listen(0, '127.0.0.1');
    const port = portOf(app.getHttpServer());
    const listening = await Frames.open(port, '/quiet', undefined);
    const gone = await upgraded(port, '/quiet');
    await once(gone.resume(), 'close');
    await once(listening.ws, 'ping');
    expect(listening.ws.readyState).toBe(WebSocket.OPEN);
  });

  test('a WebSocket that its application reads nothing from for a while is not cut as silent', async () => {
    @WebSocketGateway({ path: '/held' })
    @Public()
    class Held {
      handleConnection(client: WebSocket): void {
        client.pause();
        setTimeout(() => {
          client.resume();
        }, 1_500);
      }
    }
    const app = await createApp(ca, await serverTls(ca), { providers: [Held] });
    closing.push(() => app.close());
    app.useWebSocketAdapter(new MtlsWsAdapter(app, { pingInterval: 200 }));
    await app.listen(0, '127.0.0.1');
    const { ws } = await Frames.open(portOf(app.getHttpServer()), '/held', undefined);
    // More than is read ahead.
    for (let i = 0; i < 10; i++) ws.send(Buffer.alloc(100_000));
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(ws.readyState).toBe(WebSocket.OPEN);
  });

  test('an interval of pings that no timer can wait for is refused', async () => {
    const app = await createApp(ca, await serverTls(ca), {});
    closing.push(() => app.close());
    for (const pingInterval of [0, -1, NaN, Infinity, 2 ** 31, '30s' as unknown as number])
      expect(() => new MtlsWsAdapter(app, { pingInterval })).toThrow(/^pingInterval is no number of milliseconds/);
  });

  test('a limit of messages that nothing is held to is refused', () => {
    for (const limit of [0, -1, NaN, Infinity, 2 ** 31, '1000' as unknown as number]) {
      for (const name of ['maxMessageSize', 'maxConnections', 'idleTimeout', 'messageTimeout'])
        expect(() => new MtlsTcpServer({ tls: {}, [name]: limit })).toThrow(
          `${name} is no number from 1 to 2147483647`,
        );
      const grpc = { package: 'orders', protoPath: 'orders.proto', tls: {}, maxConnections: limit };
      expect(() => new MtlsGrpcServer(grpc)).toThrow('maxConnections is no number from 1 to 2147483647');
    }
  });

  test('an answer that cannot be written as JSON is not sent, and the others are', async () => {
    @WebSocketGateway({ path: '/echo' })
    @Public()
    class Echo {
      @SubscribeMessage('echo')
      echo(@MessageBody() data: unknown): object {
        return { event: 'echo', data };
      }
    }
    const app = await createApp(ca, await serverTls(ca), { providers: [Echo] });
    closing.push(() => app.close());
    app.useWebSocketAdapter(new MtlsWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const frames = await Frames.open(portOf(app.getHttpServer()), '/echo', undefined);
    // JSON.parse takes what JSON.stringify runs out of stack on.
    frames.ws.send(`{"event":"echo","data":${'['.repeat(60_000)}${']'.repeat(60_000)}}`);
    expect(await frames.ask('echo')).toEqual({ event: 'echo', data: {} });
  });

  test('a WebSocket is not opened behind a request that has no answer yet, for which its 101 would be taken', async () => {
    @WebSocketGateway({ path: '/behind' })
    @Public()
    class Behind {}
    @Controller()
    class Slow {
      @Get('slow')
      @Public()
      slow(): Promise<never> {
        return new Promise(() => undefined);
      }
    }
    const app = await createApp(ca, await serverTls(ca), { providers: [Behind], controllers: [Slow] });
    closing.push(() => app.close());
    app.useWebSocketAdapter(new MtlsWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const raw = await RawConnection.open(portOf(app.getHttpServer()), clientTls(ca, unlisted));
    closing.push(() => {
      raw.close();
    });
    const headers = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    const upgrade = ['GET /behind HTTP/1.1', 'Host: localhost', ...headers, `Sec-WebSocket-Key: ${'A'.repeat(22)}==`];
    raw.socket.write(`GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n${upgrade.join('\r\n')}\r\n\r\n`);
    await expect(raw.answer()).rejects.toThrow('closed before the answer');
  });

  test('a refused upgrade is not taken for the answer to an earlier request', async () => {
    @Controller()
    class Slow {
      @Get('slow')
      @Public()
      slow(): Promise<never> {
        return new Promise(() => undefined);
      }
    }
    const app = await createApp(ca, await serverTls(ca), { controllers: [Slow] });
    closing.push(() => app.close());
    await app.listen(0, '127.0.0.1');
    const listener = app.getHttpServer() as unknown as Server;
    listener.on('upgrade', (_: unknown, socket: Duplex) => socket.destroy());
    const raw = await RawConnection.open(portOf(listener), clientTls(ca, unlisted));
    closing.push(() => {
      raw.close();
    });
    const upgrade = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    raw.socket.write(`GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n${upgrade}`);
    await expect(raw.answer()).rejects.toThrow('closed before the answer');
  });

  test('CONNECT is closed as an upgrade is', async () => {
    const app = await createApp(ca, await serverTls(ca), {});
    closing.push(() => app.close());
    await app.listen(0, '127.0.0.1');
    const listener = app.getHttpServer() as unknown as Server;
    listener.on('connect', (_: unknown, socket: NodeJS.WritableStream) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    const statusOf = (client: Issued | undefined) =>
      new Promise((resolve, reject) => {
        const asked = httpsRequest({
          ...clientTls(ca, client),
          port: portOf(listener),
          method: 'CONNECT',
          path: 'a:1',
        });
        asked.once('connect', ({ statusCode }: { statusCode: number }, socket: { destroy: () => void }) => {
          socket.destroy();
          resolve(statusCode);
        });
        asked.once('error', reject);
        asked.end();
      });
    expect(await statusOf(undefined)).toBe(401);
    expect(await statusOf(billing)).toBe(200);
  });

  test('CONNECT that nobody takes is refused with a problem document, and ends the connection', async () => {
    const app = await createApp(ca, await serverTls(ca), {});
    closing.push(() => app.close());
    await app.listen(0, '127.0.0.1');
    const raw = await RawConnection.open(portOf(app.getHttpServer()), clientTls(ca, undefined));
    closing.push(() => {
      raw.close();
    });
    raw.socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
    const { status, headers, json: problem } = await raw.answer();
    expect([status, headers['content-type'], headers.connection]).toEqual([405, 'application/problem+json', 'close']);
    expect(headers.allow).toBe('');
    expect(problem).toMatchObject({ code: 'method_not_allowed', status: 405 });
    await raw.untilClosed();
  });

  test.each([0, 1])(
    'CONNECT over HTTP/2 is refused with a problem document, with %s who would take it',
    async (listeners) => {
      const app = await createApp(ca, await serverTls(ca), {});
      closing.push(() => app.close());
      await app.listen(0, '127.0.0.1');
      const listener = app.getHttpServer() as unknown as Server;
      if (listeners > 0) listener.on('connect', () => undefined);
      const session = connectHttp2(`https://localhost:${portOf(listener)}`, {
        ...clientTls(ca, billing),
        ALPNProtocols: ['h2'],
      });
      closing.push(() => {
        session.destroy();
      });
      const stream = session.request({ ':method': 'CONNECT', ':authority': 'a:1' });
      const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
      expect([head[':status'], head['content-type'], head.allow]).toEqual([405, 'application/problem+json', '']);
      expect(await json(stream)).toMatchObject({ code: 'method_not_allowed', status: 405 });
    },
  );
});
