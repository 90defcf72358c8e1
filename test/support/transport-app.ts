import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Server, TlsOptions } from 'node:tls';
import { Controller, Module, type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  MessagePattern,
  Payload,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { interval, map, type Observable } from 'rxjs';
import { createHttpAdapter } from '../../src/listener/http-adapter.js';
import { MtlsGrpcServer } from '../../src/mtls/grpc/index.js';
import {
  AllowAnyService,
  AllowServices,
  ClientIdentity,
  MtlsModule,
  Public,
  type MtlsOptions,
} from '../../src/mtls/index.js';
import { MtlsTcpServer } from '../../src/mtls/tcp/index.js';
import { identityOfClient, MtlsWsAdapter } from '../../src/mtls/ws/index.js';
import { DEFAULT_TLS_SETTINGS, readTlsMaterial, serverOptions } from '../../src/tls/index.js';
import type { Issued, TestCa } from '../../src/testing/index.js';
import type { Certificate } from '../../src/x509/index.js';
import { replaceFile, temporaryFolder, writeFiles } from './folder.js';
import { LogLines } from './guarded-app.js';

export const PROTO = 'test/fixtures/transports/orders.proto';

@Controller()
class Messages {
  /** How often a handler ran that needs somebody. */
  static ran = 0;

  @MessagePattern('who', Transport.TCP)
  who(@Payload() _: unknown, @ClientIdentity() who: ClientIdentity): string {
    Messages.ran++;
    return who.service;
  }

  @MessagePattern('billing', Transport.TCP)
  @AllowServices('billing')
  billing(): string {
    Messages.ran++;
    return 'billing only';
  }

  @MessagePattern('open', Transport.TCP)
  @Public()
  open(@Payload() _: unknown, @ClientIdentity() who: ClientIdentity | undefined): string {
    return who?.service ?? 'nobody';
  }

  @MessagePattern('mine', Transport.TCP)
  @AllowAnyService()
  mine(@Payload() _: unknown, @ClientIdentity() who: ClientIdentity): string {
    return who.service;
  }

  @MessagePattern('serial', Transport.TCP)
  serial(@Payload() _: unknown, @ClientIdentity() who: ClientIdentity): string {
    return who.serialNumber;
  }

  @MessagePattern('ticks', Transport.TCP)
  ticks(): Observable<number> {
    return interval(5);
  }

  @GrpcMethod('Orders', 'Who')
  grpcWho(@Payload() _: unknown, @ClientIdentity() { service }: ClientIdentity): object {
    Messages.ran++;
    return { name: service };
  }

  @GrpcMethod('Orders', 'Billing')
  @AllowServices('billing')
  grpcBilling(): object {
    Messages.ran++;
    return { name: 'billing only' };
  }

  @GrpcMethod('Orders', 'Open')
  @Public()
  grpcOpen(@Payload() _: unknown, @ClientIdentity() who: ClientIdentity | undefined): object {
    return { name: who?.service ?? 'nobody' };
  }

  @GrpcMethod('Orders', 'Mine')
  @AllowAnyService()
  grpcMine(@Payload() _: unknown, @ClientIdentity() { service }: ClientIdentity): object {
    return { name: service };
  }

  @GrpcMethod('Orders', 'Serial')
  grpcSerial(@Payload() _: unknown, @ClientIdentity() { serialNumber }: ClientIdentity): object {
    return { name: serialNumber };
  }

  @GrpcMethod('Orders', 'Follow')
  follow(): Observable<object> {
    return interval(5).pipe(map((tick) => ({ name: String(tick) })));
  }

  @GrpcStreamMethod('Orders', 'Talk')
  @AllowServices('billing')
  talk(@Payload() messages: Observable<object>, @ClientIdentity() { service }: ClientIdentity): Observable<object> {
    return messages.pipe(map(() => ({ name: service })));
  }

  @GrpcStreamCall('Orders', 'Raw')
  raw(stream: ServerDuplexStream<object, object>): void {
    stream.on('data', () => {
      Messages.ran++;
      stream.write({ name: 'raw' });
    });
    stream.on('end', () => stream.end());
  }
}

@WebSocketGateway({ path: '/live' })
class Live {
  /** Who connected. */
  static readonly connected: (string | undefined)[] = [];

  handleConnection(client: object): void {
    Live.connected.push(identityOfClient(client)?.service);
  }

  @SubscribeMessage('who')
  who(@ClientIdentity() who: ClientIdentity): object {
    Messages.ran++;
    return { event: 'who', data: who.service };
  }

  @SubscribeMessage('billing')
  @AllowServices('billing')
  billing(): object {
    Messages.ran++;
    return { event: 'billing', data: 'billing only' };
  }
}

@WebSocketGateway({ path: '/open' })
@Public()
class Open {
  @SubscribeMessage('hello')
  hello(): object {
    return { event: 'hello', data: 'anybody' };
  }

  @SubscribeMessage('who')
  @AllowServices('billing')
  who(@ClientIdentity() who: ClientIdentity): object {
    return { event: 'who', data: who.service };
  }
}

/** How often a handler ran that needs somebody; and who opened WebSockets. */
export const connected = (): readonly (string | undefined)[] => Live.connected;
export const handlersRun = (): number => Messages.ran;

export interface TransportApp {
  readonly app: INestApplication;
  /** The servers' own. */
  readonly certificate: Certificate;
  readonly ports: { readonly http: number; readonly tcp: number; readonly grpc: number };
  /** Publishes a CRL with these certificates and waits until it is taken up. */
  readonly revoke: (certificate: Certificate) => Promise<void>;
  readonly tls: TlsOptions;
}

/** Whom a server of this file is, besides `localhost`. */
export const SERVER_ID = 'spiffe://example.org/orders';

/** TLS options of a server with a certificate of `ca`, made as the service makes them. */
export async function serverTls(ca: TestCa, server = serverCertificate(ca)): Promise<TlsOptions> {
  const files = writeFiles(temporaryFolder(), {
    'server_cert.pem': server.chainPem,
    'server_key.pem': server.keyPem,
    'ca.pem': ca.root.certificatePem,
  });
  const material = await readTlsMaterial(
    { certificateFile: files['server_cert.pem'], keyFile: files['server_key.pem'], caFile: files['ca.pem'] },
    new Date(),
  );
  return serverOptions(
    { ...DEFAULT_TLS_SETTINGS, sessionTimeout: 300, sessionTickets: true, clientAuth: 'optional' },
    material,
  );
}

const serverCertificate = (ca: TestCa): Issued =>
  ca.issue({
    commonName: 'localhost',
    names: [
      { kind: 'dns', value: 'localhost' },
      { kind: 'uri', value: SERVER_ID },
    ],
  });

/** An application over HTTPS, to be given microservices and started. */
export async function createApp(
  ca: TestCa,
  tls: TlsOptions,
  {
    imports = [],
    ...parts
  }: {
    readonly imports?: (Type | DynamicModule)[];
    readonly controllers?: Type<object>[];
    readonly providers?: Type<object>[];
  },
  options: Partial<MtlsOptions> = {},
): Promise<NestFastifyApplication> {
  @Module({
    imports: [
      MtlsModule.forRoot({ trustAnchors: ca.root.certificatePem, services: ['billing', 'orders'], ...options }),
      ...imports,
    ],
    ...parts,
  })
  class TestModule {}
  const limits = { requestTimeout: 30_000, headersTimeout: 10_000, handshakeTimeout: 10_000 };
  const sizes = {
    keepAliveTimeout: 72_000,
    answerTimeout: 30_000,
    maxConnections: 1000,
    maxHeaderSize: 16_384,
    bodyLimit: 65_536,
  };
  return NestFactory.create<NestFastifyApplication>(TestModule, createHttpAdapter({ ...limits, ...sizes }, tls), {
    logger: LogLines.shared,
    abortOnError: false,
    forceCloseConnections: true,
  });
}

export const portOf = (server: { address: () => AddressInfo | string | null }): number =>
  (server.address() as AddressInfo).port;

/** One application with the same handlers over HTTPS and WebSockets, TCP, and gRPC. */
export async function startTransportApp(
  ca: TestCa,
  { inherit, ...options }: { inherit: boolean } & Partial<MtlsOptions>,
): Promise<TransportApp> {
  const source = join(temporaryFolder(), 'ca.crl');
  writeFileSync(source, ca.crl());
  const revoked: { certificate: Certificate }[] = [];
  const server = serverCertificate(ca);
  const tls = await serverTls(ca, server);
  const app = await createApp(
    ca,
    tls,
    { controllers: [Messages], providers: [Live, Open] },
    { revocation: { crls: [{ source }], refreshInterval: 20 }, ...options },
  );
  app.useWebSocketAdapter(new MtlsWsAdapter(app, { origins: ['https://elsewhere.example'] }));
  const tcp = new MtlsTcpServer({ host: '127.0.0.1', tls });
  const grpc = new MtlsGrpcServer({ host: '127.0.0.1', tls, package: 'orders', protoPath: PROTO });
  for (const strategy of [tcp, grpc])
    app.connectMicroservice<MicroserviceOptions>({ strategy }, { inheritAppConfig: inherit });
  await app.listen(0, '127.0.0.1');
  await app.startAllMicroservices();
  return {
    app,
    certificate: server.certificate,
    tls,
    ports: {
      http: portOf(app.getHttpServer()),
      tcp: portOf(tcp.unwrap<Server>()),
      grpc: portOf(grpc.listener),
    },
    revoke: async (certificate) => {
      revoked.push({ certificate });
      const loaded = LogLines.shared.next('crl_loaded', { source });
      replaceFile(source, ca.crl(revoked));
      await loaded;
    },
  };
}
