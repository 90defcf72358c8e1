import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from 'node:tls';
import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller } from '@nestjs/common';
import {
  Ctx,
  GrpcMethod,
  GrpcStreamMethod,
  MessagePattern,
  Payload,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { count, finalize, interval, map, tap, type Observable } from 'rxjs';
import { WebSocket } from 'ws';
import { MtlsGrpcServer } from '../../src/mtls/grpc/index.js';
import {
  AllowServices,
  ClientIdentity,
  Public,
  RateLimit,
  RequireRoles,
  Shadow,
  type ShadowedRequest,
} from '../../src/mtls/index.js';
import { MtlsTcpServer } from '../../src/mtls/tcp/index.js';
import { MtlsWsAdapter } from '../../src/mtls/ws/index.js';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { clientTls } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { WRITTEN } from '../support/forwarded-headers.js';
import { LogLines } from '../support/guarded-app.js';
import { createApp, portOf, PROTO, serverTls } from '../support/transport-app.js';
import { openGrpc, openTcp, openWs } from '../support/transport-client.js';

const ca = TestCa.root();
const billing = ca.issue({ commonName: 'billing' });
const edge = ca.issue({ commonName: 'edge' });
const unlisted = ca.issue({ commonName: 'unlisted' });
const source = join(temporaryFolder(), 'ca.crl');
const shadowed: ShadowedRequest[] = [];

/** How many answers are being followed. */
let followed = 0;
const endless = (): Observable<string> => {
  followed++;
  return interval(5).pipe(
    map(() => 'tick'),
    finalize(() => followed--),
  );
};

@Controller()
class Handlers {
  @MessagePattern('who', Transport.TCP)
  @AllowServices('billing')
  @Shadow()
  tried(): string {
    return 'tried';
  }

  @GrpcMethod('Orders', 'Who')
  @AllowServices('billing')
  @Shadow()
  grpcTried(): object {
    return { name: 'tried' };
  }

  @MessagePattern('bounded', Transport.TCP)
  @RateLimit({ perSecond: 0.01, burst: 2 })
  bounded(): string {
    return 'bounded';
  }

  @MessagePattern('both', Transport.TCP)
  @RateLimit({ perSecond: 0.01, burst: 2 })
  both(): string {
    return 'both';
  }

  @GrpcMethod('Orders', 'Serial')
  serial(): object {
    return { name: 'serial' };
  }

  @GrpcMethod('Orders', 'Follow')
  @RequireRoles('reader')
  follow(): Observable<object> {
    return interval(5).pipe(map((tick) => ({ name: String(tick) })));
  }

  @GrpcStreamMethod('Orders', 'Talk')
  @RequireRoles('reader')
  talk(@Payload() messages: Observable<object>): Observable<object> {
    return messages.pipe(map(() => ({ name: `${++received}` })));
  }

  @GrpcStreamMethod('Orders', 'Gather')
  @RequireRoles('reader')
  gather(@Payload() messages: Observable<object>): Observable<object> {
    return messages.pipe(
      tap(() => received++),
      count(),
      map((all) => ({ name: String(all) })),
    );
  }

  @MessagePattern('follow', Transport.TCP)
  @RequireRoles('reader')
  tcpFollow(): Observable<string> {
    return endless();
  }

  @MessagePattern('free', Transport.TCP)
  free(): string {
    return 'free';
  }

  @GrpcMethod('Orders', 'Billing')
  @RateLimit({ perSecond: 0.01, burst: 2 })
  grpcBounded(): object {
    return { name: 'bounded' };
  }

  @GrpcMethod('Orders', 'Open')
  @Public()
  open(@Ctx() metadata: Metadata): object {
    return {
      name: Object.keys(metadata.getMap())
        .filter((name) => name.startsWith('client'))
        .join(),
    };
  }

  @GrpcMethod('Orders', 'Mine')
  mine(@Ctx() metadata: Metadata, @ClientIdentity() { service }: ClientIdentity): object {
    return { name: `${service} ${metadata.get('client-cert').length} ${String(metadata.get('x-other')[0])}` };
  }
}

/** The same patterns in a second controller. */
@Controller()
class Others {
  @MessagePattern('both', Transport.TCP)
  @RateLimit({ perSecond: 0.01, burst: 3 })
  both(): string {
    return 'others';
  }

  @GrpcMethod('Orders', 'Serial')
  serial(): object {
    return { name: 'others' };
  }
}
const heard: string[] = [];
/** Messages of streams that reached a handler. */
let received = 0;
/** The roles of every service. */
let roles: ReadonlySet<string> = new Set(['reader']);

/** A second gateway at the path of another one. */
@WebSocketGateway({ path: '/live' })
class Beside {
  @SubscribeMessage('beside')
  beside(): object {
    return { event: 'beside', data: 'beside' };
  }

  @SubscribeMessage('two')
  two(): void {
    heard.push('beside');
  }
}

@WebSocketGateway({ path: '/live' })
class Live {
  @SubscribeMessage('two')
  two(): object {
    heard.push('live');
    return { event: 'two', data: 'live' };
  }

  @SubscribeMessage('who')
  who(@ClientIdentity() who: ClientIdentity): object {
    return { event: 'who', data: who.service };
  }

  @SubscribeMessage('follow')
  @RequireRoles('reader')
  follow(): Observable<object> {
    return endless().pipe(map((data) => ({ event: 'follow', data })));
  }

  @SubscribeMessage('bounded')
  @RateLimit({ perSecond: 0.01, burst: 2 })
  bounded(): object {
    return { event: 'bounded', data: 'bounded' };
  }
}

/** The rate of a service as a whole. */
const BUSY = { perSecond: 0.01, burst: 4 };

let app: NestFastifyApplication;
let ports: { readonly http: number; readonly tcp: number; readonly grpc: number };
beforeAll(async () => {
  writeFileSync(source, ca.crl());
  const tls = await serverTls(ca);
  app = await createApp(
    ca,
    tls,
    { controllers: [Handlers, Others], providers: [Beside, Live] },
    {
      services: ['billing', 'busy', 'several-TCP', 'several-gRPC', 'several-WebSockets'],
      rates: { of: ({ service }) => (service === 'billing' ? undefined : BUSY) },
      roles: () => roles,
      trustedProxies: [{ service: 'edge', format: 'rfc9440' }],
      revocation: { crls: [{ source }], refreshInterval: 20 },
      onShadow: (request) => {
        shadowed.push(request);
      },
    },
  );
  app.useWebSocketAdapter(new MtlsWsAdapter(app));
  const tcp = new MtlsTcpServer({ host: '127.0.0.1', tls });
  const grpc = new MtlsGrpcServer({ host: '127.0.0.1', tls, package: 'orders', protoPath: PROTO });
  for (const strategy of [tcp, grpc]) app.connectMicroservice<MicroserviceOptions>({ strategy });
  await app.listen(0, '127.0.0.1');
  await app.startAllMicroservices();
  ports = { http: portOf(app.getHttpServer()), tcp: portOf(tcp.unwrap<Server>()), grpc: portOf(grpc.listener) };
});
afterAll(() => app.close());

const opening = (client: Issued | undefined) => ({ ca, client, version: 'TLSv1.3' as const });
const handedOn = (client: Issued): string => WRITTEN.rfc9440(client.certificate.der);

test.each([
  ['TCP', openTcp, 'tcp'],
  ['gRPC', openGrpc, 'grpc'],
] as const)('over %s what is only tried lets pass, tells of it once, and gives the answer', async (_, open, port) => {
  shadowed.length = 0;
  const client = await open(ports[port], opening(unlisted));
  expect(await client.ask('who')).toEqual({ answer: 'tried' });
  client.close();
  expect(shadowed.map(({ code }) => code)).toEqual(['service_not_allowed', 'route_not_allowed']);
});

/** The gRPC status of a call with these headers, its code, or its answer. */
async function callGrpc(
  client: Issued | undefined,
  method: string,
  headers: Readonly<Record<string, string | readonly string[]>>,
) {
  const session = connectHttp2(`https://localhost:${ports.grpc}`, { ...clientTls(ca, client), ALPNProtocols: ['h2'] });
  const stream = session.request({
    ':method': 'POST',
    ':path': `/orders.Orders/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  const chunks: Buffer[] = [];
  let told: Record<string, unknown> = {};
  for (const event of ['response', 'trailers'] as const)
    stream.on(event, (fields: Record<string, unknown>) => (told = { ...told, ...fields }));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.end(Buffer.alloc(5));
  await once(stream, 'close');
  session.destroy();
  return [Number(told['grpc-status']), told.code ?? Buffer.concat(chunks).subarray(7).toString()];
}

test('a certificate in the metadata of a gRPC call is believed from nobody who is no proxy, and reaches no handler', async () => {
  for (const client of [undefined, unlisted, billing])
    for (const name of ['client-cert', 'client_cert', 'x-forwarded-client-cert'])
      for (const method of ['Open', 'Mine', 'MadeUp'])
        expect(await callGrpc(client, method, { [name]: handedOn(billing) })).toEqual([
          16,
          'client_certificate_malformed',
        ]);
});

test('a gRPC call through a trusted proxy is its client’s', async () => {
  const headers = (client: Issued) => ({ 'client-cert': handedOn(client), 'x-other': 'stays' });
  expect(await callGrpc(edge, 'Mine', headers(billing))).toEqual([0, 'billing 0 stays']);
  expect(await callGrpc(edge, 'Open', headers(billing))).toEqual([0, '']);
  expect(await callGrpc(edge, 'Mine', headers(unlisted))).toEqual([7, 'service_not_allowed']);
  expect(await callGrpc(edge, 'Mine', {})).toEqual([16, 'client_certificate_required']);
  for (const twice of [
    { 'client-cert': [handedOn(billing), handedOn(unlisted)] },
    { 'client-cert': handedOn(billing), client_cert: handedOn(billing) },
  ])
    expect(await callGrpc(edge, 'Mine', twice)).toEqual([16, 'client_certificate_malformed']);
});

test('a WebSocket through a proxy ends when the certificate of its client is revoked, and another one stays', async () => {
  const lost = ca.issue({ commonName: 'billing' });
  const open = async (client: Issued): Promise<WebSocket> => {
    const ws = new WebSocket(`wss://localhost:${ports.http}/live`, {
      ...clientTls(ca, edge),
      headers: { 'client-cert': handedOn(client) },
    });
    await once(ws, 'open');
    return ws;
  };
  const [silent, other] = [await open(lost), await open(billing)];
  const cut = LogLines.shared.next('connections_cut');
  const closed = once(silent, 'close');
  replaceFile(source, ca.crl([{ certificate: lost.certificate }]));
  expect(await cut).toMatchObject({
    code: 'certificate_revoked',
    fingerprint256: lost.certificate.fingerprint256,
    connections: 1,
  });
  const [code, reason] = (await closed) as [number, Buffer];
  expect([code, reason.toString()]).toEqual([1008, 'certificate_revoked']);
  other.send(JSON.stringify({ event: 'who', data: {} }));
  const [frame] = (await once(other, 'message')) as [Buffer];
  expect(JSON.parse(frame.toString())).toEqual({ event: 'who', data: 'billing' });
  other.terminate();
});

test.each([
  ['TCP', openTcp, 'tcp', 'bounded', 429],
  ['gRPC', openGrpc, 'grpc', 'Billing', 8],
  ['WebSockets', openWs, 'http', 'bounded', 429],
] as const)(
  'over %s a handler’s rate refuses in the transport’s own form, and the connection stays',
  async (_, open, port, what, status) => {
    const client = await open(ports[port], opening(billing));
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await client.ask(what));
    const refused = { code: 'rate_limited', status, retryAfter: 100, requestId: expect.any(String) };
    expect(answers).toEqual([{ answer: 'bounded' }, { answer: 'bounded' }, refused, refused]);
    // What is bounded is the handler.
    expect(await client.ask('who')).toEqual({ answer: open === openWs ? 'billing' : 'tried' });
    client.close();
  },
);

test('a service has one rate over all transports', async () => {
  const busy = ca.issue({ commonName: 'busy' });
  const [tcp, grpc] = [await openTcp(ports.tcp, opening(busy)), await openGrpc(ports.grpc, opening(busy))];
  expect((await tcp.ask('free')).answer).toBe('free');
  expect((await grpc.ask('Mine')).answer).toContain('busy');
  // The upgrade costs one as well.
  const ws = await openWs(ports.http, opening(busy));
  expect((await ws.ask('who')).answer).toBe('busy');
  const late = await openWs(ports.http, opening(busy));
  for (const [client, what, status] of [
    [tcp, 'free', 429],
    [grpc, 'Mine', 8],
    [ws, 'who', 429],
    [late, 'who', 429],
  ] as const) {
    expect(await client.ask(what)).toMatchObject({ code: 'rate_limited', status, retryAfter: 100 });
    client.close();
  }
  // Others have theirs.
  const other = await openTcp(ports.tcp, opening(billing));
  expect((await other.ask('free')).answer).toBe('free');
  other.close();
});

describe('what several controllers or gateways have', () => {
  test('counts under the limit of each', async () => {
    const tcp = await openTcp(ports.tcp, opening(billing));
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await tcp.ask('both'));
    tcp.close();
    expect(answers).toEqual([
      { answer: 'others' },
      { answer: 'others' },
      { code: 'rate_limited', status: 429, retryAfter: 100, requestId: expect.any(String) },
    ]);
  });

  // A service has four calls; the upgrade of a WebSocket is one.
  test.each([
    ['TCP', openTcp, 'tcp', ['both', 'both', 'free', 'free']],
    ['gRPC', openGrpc, 'grpc', ['Serial', 'Serial', 'Serial', 'Mine']],
    ['WebSockets', openWs, 'http', ['beside', 'two', 'who']],
  ] as const)('counts once over %s', async (transport, open, port, asked) => {
    heard.length = 0;
    const client = await open(ports[port], opening(ca.issue({ commonName: `several-${transport}` })));
    const codes = [];
    for (const what of [...asked, asked[0]]) codes.push((await client.ask(what)).code);
    client.close();
    expect(codes).toEqual([...asked.map(() => undefined), 'rate_limited']);
    expect(heard.sort()).toEqual(open === openWs ? ['beside', 'live'] : []);
  });
});

test.each([
  ['TCP', openTcp, 'tcp'],
  ['a WebSocket', openWs, 'http'],
] as const)(
  'answers over %s that go on end when their caller loses the role for them, and the connection stays',
  async (_, open, port) => {
    roles = new Set(['reader']);
    const client = await open(ports[port], opening(billing));
    expect(await client.ask('follow')).toEqual({ answer: 'tick' });
    expect(followed).toBe(1);
    const refused = LogLines.shared.next('refused', { code: 'route_not_allowed' });
    roles = new Set();
    await refused;
    while (followed > 0) await new Promise(setImmediate);
    roles = new Set(['reader']);
    // Over a WebSocket the refusal comes in between.
    while ((await client.ask('follow')).code === 'route_not_allowed');
    client.close();
  },
);

describe('a gRPC stream whose caller loses the role that its method asks for', () => {
  const EMPTY = Buffer.alloc(5);
  const open = (method: string, client: Issued) => {
    const session = connectHttp2(`https://localhost:${ports.grpc}`, {
      ...clientTls(ca, client),
      ALPNProtocols: ['h2'],
    });
    const stream = session.request({
      ':method': 'POST',
      ':path': `/orders.Orders/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let told: Record<string, unknown> = {};
    for (const event of ['response', 'trailers'] as const)
      stream.on(event, (fields: Record<string, unknown>) => {
        told = { ...told, ...fields };
        // Our own half may still be open.
        if ('grpc-status' in fields) stream.close();
      });
    const ended = once(stream, 'close').then(() => {
      session.destroy();
      return [Number(told['grpc-status']), told.code];
    });
    return { stream, ended };
  };
  beforeEach(() => {
    roles = new Set(['reader']);
    received = 0;
  });

  test.each(['Follow', 'Talk'])('ends with the next message: %s', async (method) => {
    const { stream, ended } = open(method, billing);
    stream.write(EMPTY);
    if (method === 'Follow') stream.end();
    await once(stream, 'data');
    stream.resume();
    roles = new Set();
    const before = received;
    if (method === 'Talk') stream.write(EMPTY);
    expect(await ended).toEqual([7, 'route_not_allowed']);
    expect(received).toBe(before);
  });

  test('gets no answer to what it has sent, and what it sends reaches no handler', async () => {
    const whole = open('Gather', billing);
    whole.stream.write(EMPTY);
    whole.stream.end(EMPTY);
    const [answer] = (await once(whole.stream, 'data')) as [Buffer];
    expect([answer.subarray(7).toString(), await whole.ended]).toEqual(['2', [0, undefined]]);
    const cut = open('Gather', billing);
    cut.stream.resume();
    received = 0;
    cut.stream.write(EMPTY);
    while (received < 1) await new Promise(setImmediate);
    roles = new Set();
    cut.stream.end(EMPTY);
    expect(await cut.ended).toEqual([7, 'route_not_allowed']);
    expect(received).toBe(1);
  });
});
