import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from 'node:tls';
import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Controller } from '@nestjs/common';
import { Ctx, GrpcMethod, MessagePattern, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { MtlsGrpcServer } from '../../src/mtls/grpc/index.js';
import {
  AllowServices,
  ClientIdentity,
  Public,
  RateLimit,
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

@WebSocketGateway({ path: '/live' })
class Live {
  @SubscribeMessage('who')
  who(@ClientIdentity() who: ClientIdentity): object {
    return { event: 'who', data: who.service };
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
    { controllers: [Handlers], providers: [Live] },
    {
      services: ['billing', 'busy'],
      rates: { of: ({ service }) => (service === 'busy' ? BUSY : undefined) },
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
async function callGrpc(client: Issued | undefined, method: string, headers: Readonly<Record<string, string>>) {
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
