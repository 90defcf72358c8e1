import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { Controller, Get, Module, Post, Req, UseInterceptors, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpAdapter, type HttpLimits } from '../../src/listener/http-adapter.js';
import {
  AllowAnyService,
  RequireRoles,
  AllowServices,
  ClientIdentity,
  ClientIdentityInterceptor,
  MtlsModule,
  Public,
  RateLimit,
  Shadow,
  type MtlsOptions,
} from '../../src/mtls/index.js';
import { DEFAULT_TLS_SETTINGS, readTlsMaterial, serverOptions, type ServerTlsSettings } from '../../src/tls/index.js';
import type { TestCa } from '../../src/testing/index.js';
import { temporaryFolder, writeFiles } from './folder.js';

@Controller()
class OrdersController {
  @Get('orders')
  list(@ClientIdentity() who: ClientIdentity): object {
    return { service: who.service, serial: who.serialNumber, spiffe: who.spiffeId ?? null };
  }

  @Get('orders/:id')
  one(@ClientIdentity() who: ClientIdentity): object {
    return { service: who.service };
  }

  @Get('billing')
  @AllowServices('billing')
  billing(): object {
    return { ok: true };
  }

  @Get('tried')
  @AllowServices('billing')
  @Shadow()
  tried(): object {
    return { ok: true };
  }

  @Get('bounded')
  @RateLimit({ perSecond: 0.01, burst: 2 })
  bounded(): object {
    return { ok: true };
  }

  @Get('large')
  large(): object {
    return { text: 'a'.repeat(16_000_000) };
  }

  @Get('slow')
  async slow(): Promise<object> {
    await delay(700);
    return { ok: true };
  }

  @Post('orders')
  order(): object {
    return { ok: true };
  }

  @Get('audit')
  @RequireRoles('auditor')
  audit(): object {
    return { ok: true };
  }

  @Get('audit/billing')
  @RequireRoles('auditor')
  @AllowServices('billing')
  billingAudit(): object {
    return { ok: true };
  }

  @Get('mine')
  @AllowAnyService()
  @UseInterceptors(ClientIdentityInterceptor)
  mine(@ClientIdentity() who: ClientIdentity): object {
    return { service: who.service };
  }

  @Get('open')
  @Public()
  open(@ClientIdentity() who: ClientIdentity | undefined): object {
    return { who: who?.service ?? null };
  }

  @Get('hello')
  @Public()
  @UseInterceptors(ClientIdentityInterceptor)
  hello(@ClientIdentity() who: ClientIdentity | undefined): object {
    return { who: who?.service ?? null };
  }

  @Get('headers')
  @Public()
  headers(@Req() { raw }: FastifyRequest): object {
    return { headers: Object.keys(raw.headers), rawHeaders: raw.rawHeaders, distinct: Object.keys(distinctOf(raw)) };
  }

  @Get('open/:id')
  @Public()
  openOne(): object {
    return { open: true };
  }
}

/** HTTP/1.1 has them; HTTP/2 does not. */
const distinctOf = (raw: FastifyRequest['raw']): object => (raw as Partial<typeof raw>).headersDistinct ?? {};

/** What was logged, in order. Nest's logger is one for the whole process, and so is this. */
export class LogLines implements LoggerService {
  static readonly shared = new LogLines();
  readonly lines: { readonly level: string; readonly message: unknown }[] = [];
  #wake = new Set<() => void>();

  log(message: unknown): void {
    this.#add('log', message);
  }
  warn(message: unknown): void {
    this.#add('warn', message);
  }
  error(message: unknown): void {
    this.#add('error', message);
  }
  /** Waits for a line with this `event` that holds all of `fields`, from now on. */
  async next(event: string, fields: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const from = this.lines.length;
    for (;;) {
      const found = this.lines
        .slice(from)
        .map(({ message }) => message as Record<string, unknown>)
        .find((line) => line.event === event && Object.entries(fields).every(([key, value]) => line[key] === value));
      if (found) return found;
      await new Promise<void>((resolve) => this.#wake.add(resolve));
    }
  }
  #add(level: string, message: unknown): void {
    this.lines.push({ level, message });
    for (const wake of this.#wake) wake();
    this.#wake.clear();
  }
  /** The objects logged with this `event`. */
  events(event: string): Record<string, unknown>[] {
    return this.lines
      .map(({ message }) => message as Record<string, unknown>)
      .filter((message) => message.event === event);
  }
}

export interface GuardedApp {
  readonly app: NestFastifyApplication;
  readonly port: number;
  readonly server: Server;
  readonly folder: string;
}

/** An application with a few guarded routes, over real TLS on a free port, its server certificate by `ca`. */
export async function startGuardedApp(
  ca: TestCa,
  options: Partial<MtlsOptions> = {},
  { ticketKeysFile, ...tls }: Partial<ServerTlsSettings> & { readonly ticketKeysFile?: string } = {},
  limits: Partial<HttpLimits> = {},
): Promise<GuardedApp> {
  const folder = temporaryFolder();
  const server = ca.issue({ commonName: 'localhost', names: [{ kind: 'dns', value: 'localhost' }] });
  const files = writeFiles(folder, {
    'server_cert.pem': server.chainPem,
    'server_key.pem': server.keyPem,
    'ca.pem': ca.root.certificatePem,
  });
  const material = await readTlsMaterial(
    {
      certificateFile: files['server_cert.pem'],
      keyFile: files['server_key.pem'],
      caFile: files['ca.pem'],
      ticketKeysFile,
    },
    new Date(),
  );
  const settings: ServerTlsSettings = {
    ...DEFAULT_TLS_SETTINGS,
    sessionTimeout: 300,
    sessionTickets: true,
    clientAuth: 'optional',
    ...tls,
  };

  @Module({
    imports: [
      MtlsModule.forRoot({
        trustAnchors: ca.root.certificatePem,
        intermediates: ca.parent ? ca.chainPem : [],
        services: ['billing', 'orders'],
        ...options,
      }),
    ],
    controllers: [OrdersController],
  })
  class TestModule {}

  const adapter = createHttpAdapter(
    {
      requestTimeout: 30_000,
      headersTimeout: 10_000,
      handshakeTimeout: 10_000,
      answerTimeout: 60_000,
      keepAliveTimeout: 72_000,
      maxConnections: 1000,
      maxHeaderSize: 16_384,
      bodyLimit: 65_536,
      ...limits,
    },
    serverOptions(settings, material),
  );
  const app = await NestFactory.create<NestFastifyApplication>(TestModule, adapter, {
    logger: LogLines.shared,
    abortOnError: false,
    forceCloseConnections: true,
  });
  await app.listen(0, '127.0.0.1');
  const listener = app.getHttpServer() as unknown as Server;
  return { app, port: (listener.address() as AddressInfo).port, server: listener, folder };
}
