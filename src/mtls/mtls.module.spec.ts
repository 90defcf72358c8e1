import { createServer, IncomingMessage, type RequestListener, type Server } from 'node:http';
import { request } from 'node:https';
import { once } from 'node:events';
import { Socket, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import {
  Body,
  Catch,
  Controller,
  Get,
  Injectable,
  Module,
  Post,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, ExternalContextCreator, LazyModuleLoader, NestFactory } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { send } from '../../test/support/certificate-client.js';
import { clientTls, get, RawConnection } from '../../test/support/client.js';
import { replaceFile, temporaryFolder, writeFiles } from '../../test/support/folder.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../../test/support/guarded-app.js';
import { createApp, portOf, serverTls } from '../../test/support/transport-app.js';
import { generateTestKeyPair, TestCa } from '../testing/index.js';
import { MtlsTcpServer } from './tcp/index.js';
import { rememberCall, TransportCall } from './transports/transport-call.js';
import {
  AllowAnyService,
  AllowServices,
  anyOf,
  Authorize,
  MtlsModule,
  MtlsRefusal,
  Public,
  RateLimit,
  readTrustAnchors,
  RequireRoles,
  sendRefusal,
  type IdentifiedRequest,
  type MtlsOptions,
} from './index.js';

const ca = TestCa.root();
const billing = ca.issue({ commonName: 'billing' });
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(options: Partial<MtlsOptions> = {}): Promise<GuardedApp> {
  const guarded = await startGuardedApp(ca, options);
  closing.push(() => guarded.app.close());
  return guarded;
}

async function startWith(
  controllers: (new () => object)[],
  before: (server: FastifyInstance) => void = () => undefined,
): Promise<NestFastifyApplication> {
  @Module({ imports: [MtlsModule.forRoot({ trustAnchors: ca.certificatePem, services: ['billing'] })], controllers })
  class TestModule {}
  const adapter = new FastifyAdapter();
  const app = await NestFactory.create<NestFastifyApplication>(TestModule, adapter, {
    logger: LogLines.shared,
    abortOnError: false,
  });
  before(adapter.getInstance<FastifyInstance>());
  await app.init();
  closing.push(() => app.close());
  return app;
}

describe('what Nest’s guards do not see', () => {
  const files = (server: FastifyInstance): void => {
    server.get('/static/file.txt', (_, reply) => {
      void reply.send('secret');
    });
    server.get('/static/:id', function list(_, reply) {
      void reply.send('secret');
    });
    server.all('/raw/*', (_, reply) => {
      void reply.send('secret');
    });
  };

  test('routes put on Fastify before or after Nest’s, static files among them, are closed', async () => {
    const app = await startWith([], files);
    const server: FastifyInstance = app.getHttpAdapter().getInstance();
    server.get('/late', (_, reply) => {
      void reply.send('secret');
    });
    // A name as Nest gives it to the handlers that it wraps.
    const named = {
      'orders.get': (_: unknown, reply: FastifyReply): void => {
        void reply.send('secret');
      },
    };
    server.get('/late/:id', named['orders.get']);
    for (const path of ['/static/file.txt', '/static/1', '/raw/a/b', '/late', '/late/1', '/nowhere', '/']) {
      const answer = await app.inject({ method: 'GET', url: path });
      expect([path, answer.statusCode]).toEqual([path, 401]);
      expect(answer.body).not.toContain('secret');
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'] as const)
      expect([method, (await app.inject({ method, url: '/nowhere', payload: '{}' })).statusCode]).toEqual([
        method,
        401,
      ]);
  });
});

test('an application of somebody’s own on HTTP/2 refuses a method that HTTP does not know like the service', async () => {
  @Module({ imports: [MtlsModule.forRoot({ trustAnchors: ca.certificatePem, services: ['billing'] })] })
  class TestModule {}
  const adapter = new FastifyAdapter({ http2: true, https: { ...(await serverTls(ca)), allowHTTP1: true } });
  const app = await NestFactory.create<NestFastifyApplication>(TestModule, adapter, { logger: LogLines.shared });
  closing.push(() => app.close());
  await app.listen(0, '127.0.0.1');
  const answer = await get(portOf(app.getHttpServer()), '/orders', clientTls(ca, billing), 'HTTP/2', {
    ':method': 'FOO',
  });
  expect([answer.status, answer.json.code]).toEqual([501, 'not_implemented']);
});

test('routes that a plugin puts on Fastify later, in a context that was there before, are closed', async () => {
  const app = await createApp(ca, await serverTls(ca), {});
  closing.push(() => app.close());
  const server: FastifyInstance = app.getHttpAdapter().getInstance();
  let late: FastifyInstance | undefined;
  let isReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => (isReady = resolve));
  await server.register((context, _, done) => {
    late = context;
    done();
  });
  void server.register(async (context) => {
    await ready;
    context.get('/slow', () => 'secret');
  });
  await new Promise(setImmediate);
  const initialised = app.init();
  setTimeout(isReady, 100);
  await initialised;
  late?.get('/late', () => 'secret');
  await app.listen(0, '127.0.0.1');
  for (const path of ['/late', '/slow']) {
    const ask = async (client: typeof billing | undefined) =>
      (await get(portOf(app.getHttpServer()), path, clientTls(ca, client))).status;
    expect([path, await ask(undefined), await ask(billing)]).toEqual([path, 401, 200]);
  }
});

describe('a body', () => {
  let throws = false;
  @Controller('inbox')
  class Inbox {
    @Post() take(@Body() body: unknown): unknown {
      return body;
    }
    @Post('few/:id') @AllowServices('orders') few(@Body() body: unknown): unknown {
      return body;
    }
    @Post('open') @Public() open(@Body() body: unknown): unknown {
      return body;
    }
    @Post('rule')
    @Authorize(() => {
      if (throws) throw new Error('a rule that fails');
      return { allowed: true };
    })
    rule(@Body() body: unknown): unknown {
      return body;
    }
  }
  abstract class Base {
    @Post() take(@Body() body: unknown): unknown {
      return body;
    }
  }
  @Controller('a')
  @Public()
  class Open extends Base {}
  @Controller('b')
  class Closed extends Base {}
  abstract class Crud {
    @Post() @RateLimit({ perSecond: 0.001, burst: 2 }) create(@Body() body: unknown): unknown {
      return body;
    }
  }
  @Controller('c')
  @AllowServices('billing')
  class First extends Crud {}
  @Controller('d')
  class Second extends Crud {}

  async function startInbox(options: Partial<MtlsOptions> = {}) {
    const parts = { controllers: [Inbox, Open, Closed, First, Second] };
    const app = await createApp(ca, await serverTls(ca), parts, options);
    closing.push(() => app.close());
    await app.listen(0, '127.0.0.1');
    return portOf(app.getHttpServer());
  }
  const post = async (port: number, path: string, client: typeof billing | undefined, body = '{"a":1}') => {
    const { status, json } = await send(port, {
      method: 'POST',
      path,
      tls: clientTls(ca, client),
      headers: { 'content-type': 'application/json' },
      body,
    });
    return [status, json.code ?? json];
  };

  test('of somebody who is not let in is not read: the refusal comes first, whatever the body is', async () => {
    const port = await startInbox();
    for (const body of ['{"a":1}', 'no JSON', 'x'.repeat(2_000_000)]) {
      expect(await post(port, '/inbox', undefined, body)).toEqual([401, 'client_certificate_required']);
      expect(await post(port, '/inbox/few/1', billing, body)).toEqual([403, 'route_not_allowed']);
      for (const path of ['/c', '/d'])
        expect(await post(port, path, undefined, body)).toEqual([401, 'client_certificate_required']);
    }
    expect((await post(port, '/inbox', billing, 'no JSON'))[0]).toBe(400);
    for (const path of ['/inbox', '/inbox/rule']) expect(await post(port, path, billing)).toEqual([201, { a: 1 }]);
    expect(await post(port, '/inbox/open', undefined)).toEqual([201, { a: 1 }]);
    // A handler that two controllers have has the policy of each.
    expect(await post(port, '/a', undefined)).toEqual([201, { a: 1 }]);
    expect(await post(port, '/b', undefined)).toEqual([401, 'client_certificate_required']);
    const orders = ca.issue({ commonName: 'orders' });
    expect(await post(port, '/c', orders)).toEqual([403, 'route_not_allowed']);
    const statuses = [];
    for (const path of ['/c', '/c', '/c', '/d']) statuses.push((await post(port, path, billing))[0]);
    expect(statuses).toEqual([201, 201, 429, 201]);
  });

  test('counts once against a rate', async () => {
    const port = await startInbox({ rates: { of: () => ({ perSecond: 0.001, burst: 3 }) } });
    const statuses: unknown[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await post(port, '/inbox', billing))[0]);
    expect(statuses).toEqual([201, 201, 201, 429]);
  });

  test('of somebody whose certificate is revoked while it comes is refused', async () => {
    let revoked = false;
    const status = {
      get epoch() {
        return revoked ? 1 : 0;
      },
      statusOf: () =>
        revoked
          ? ({ status: 'revoked', source: 'test', revocationDate: new Date(), reason: 'unspecified' } as const)
          : ({ status: 'good', source: 'test' } as const),
    };
    const port = await startInbox({ revocation: { status }, cutConnections: false });
    const connection = await RawConnection.open(port, clientTls(ca, billing));
    connection.socket.write(
      'POST /inbox HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{',
    );
    // The connection has been looked at when another request on the server was answered.
    expect((await post(port, '/inbox', billing))[0]).toBe(201);
    revoked = true;
    connection.socket.write('"a":1}');
    expect((await connection.answer()).json.code).toBe('certificate_revoked');
    connection.close();
  });

  test('a rule that throws refuses, and the service goes on', async () => {
    const port = await startInbox();
    throws = true;
    expect(await post(port, '/inbox/rule', billing)).toEqual([500, 'validation_failed']);
    throws = false;
    expect(await post(port, '/inbox/rule', billing)).toEqual([201, { a: 1 }]);
  });
});

test.each(['*orders', '*public', '*orders/7', '*nowhere', '*'])(
  'the target %s, which the router takes for a path and Nest does not, is closed like an unknown path',
  async (target) => {
    const { port } = await start();
    const ask = async (client: typeof billing | undefined, path: string) => {
      const connection = await RawConnection.open(port, clientTls(ca, client));
      const { status, json } = await connection.get(path);
      connection.close();
      return [status, json.code];
    };
    expect(await ask(undefined, target)).toEqual([401, 'client_certificate_required']);
    expect((await ask(billing, target))[0]).toBe(404);
    const forged = `${target} HTTP/1.1\r\nClient-Cert: ::\r\nX-More:`;
    for (const client of [undefined, billing])
      expect(await ask(client, forged)).toEqual([400, 'client_certificate_malformed']);
  },
);

test('a request is counted once, whichever ways its route is unseen in, and HEAD like any other', async () => {
  const rates = { of: () => ({ perSecond: 0.001, burst: 80 }) };
  const app = await createApp(ca, await serverTls(ca), {}, { rates });
  closing.push(() => app.close());
  const server = app.getHttpAdapter().getInstance();
  server.get('/before', () => 'before');
  await app.init();
  server.get('/after', () => 'after');
  await app.listen(0, '127.0.0.1');
  const left: unknown[] = [];
  for (const path of ['/before', '/after', '/nowhere'])
    for (const method of ['GET', 'HEAD']) {
      const call = request({
        ...clientTls(ca, billing),
        port: portOf(app.getHttpServer()),
        method,
        path,
        agent: false,
      });
      const [answer] = (await once(call.end(), 'response')) as [IncomingMessage];
      answer.resume();
      left.push(/r=(\d+)/.exec(String(answer.headers.ratelimit))?.[1]);
    }
  expect(left).toEqual(['79', '78', '77', '76', '75', '74']);
});

test('decorators that contradict each other stop the start, which says where they stand', async () => {
  @Controller('orders')
  @AllowServices('billing')
  class OrdersController {
    @Get('any')
    @AllowAnyService()
    any(): string {
      return 'any';
    }
  }
  @Controller('orders')
  class OpenController {
    @Post()
    @Public()
    @AllowServices('billing')
    make(): string {
      return 'made';
    }
  }
  for (const [controller, where] of [
    [OrdersController, 'OrdersController.any'],
    [OpenController, 'OpenController.make'],
  ] as const)
    await expect(startWith([controller])).rejects.toThrow(new RegExp(`^${where}: .* is both `));
});

test('imported twice, with two policies, it stops the start', async () => {
  const one = MtlsModule.forRoot({ trustAnchors: ca.certificatePem, services: ['orders'] });
  @Module({ imports: [one] })
  class Feature {}
  @Module({ imports: [one, Feature] })
  class Once {}
  @Module({ imports: [MtlsModule.forRoot({ trustAnchors: ca.certificatePem, services: ['billing'] }), Feature] })
  class Twice {}
  const options = { logger: LogLines.shared, abortOnError: false };
  const once = await NestFactory.create(Once, new FastifyAdapter(), options);
  closing.push(() => once.close());
  await once.init();
  for (const twice of [
    NestFactory.create(Twice, new FastifyAdapter(), options),
    NestFactory.createMicroservice(Twice, { ...options, strategy: new MtlsTcpServer({ tls: {} }) }),
  ])
    await expect(twice).rejects.toThrow('MtlsModule is imported twice');
});

test('loaded lazily, alone or below another module, it is refused: Nest takes no guard from it then', async () => {
  const guard = MtlsModule.forRoot({ trustAnchors: ca.certificatePem, services: ['billing'] });
  @Module({ imports: [guard] })
  class Feature {}
  @Module({})
  class Unguarded {}
  const app = await NestFactory.create(Unguarded, new FastifyAdapter(), { logger: LogLines.shared });
  closing.push(() => app.close());
  for (const lazy of [guard, Feature])
    await expect(app.get(LazyModuleLoader).load(() => lazy)).rejects.toThrow('MtlsModule is loaded lazily');
  @Module({ imports: [Feature] })
  class Guarded {}
  const other = await NestFactory.create(Guarded, new FastifyAdapter(), { logger: LogLines.shared });
  closing.push(() => other.close());
  await other.get(LazyModuleLoader).load(() => Feature);
});

const given = { trustAnchors: ca.certificatePem, services: ['billing'] };
const edge = { service: 'edge', format: 'escaped-pem' };
test.each<[string, object]>([
  ['MtlsModule needs trustAnchors', { ...given, trustAnchors: undefined }],
  ['MtlsModule needs services', { ...given, services: undefined }],
  ['MtlsModule needs services', { ...given, services: 'billing' }],
  ['the roles of billing are no list', { ...given, roles: { orders: ['auditor'], billing: 'auditor' } }],
  // As Number(process.env.GRACE) is where it is not set: a comparison with it never says that a certificate expired.
  ['expiredGrace is no number of milliseconds: NaN', { ...given, expiredGrace: NaN }],
  ['expiredGrace is no number of milliseconds: 60000', { ...given, expiredGrace: '60000' }],
  // Options that are made in steps, or by a class.
  [
    'expiredGrace is no number of milliseconds: NaN',
    Object.assign(Object.create({ expiredGrace: NaN }) as object, given),
  ],
  [
    'refreshInterval is no number of milliseconds: NaN',
    {
      ...given,
      revocation: new (class {
        get refreshInterval() {
          return NaN;
        }
      })(),
    },
  ],
  ['has no option issuerOrganisation', Object.assign(Object.create({ issuerOrganisation: 'Acme' }) as object, given)],
  ['refreshInterval is no number of milliseconds: NaN', { ...given, revocation: { refreshInterval: NaN } }],
  ['refreshInterval is no number of milliseconds: Infinity', { ...given, revocation: { refreshInterval: Infinity } }],
  // The type of an arrow function's result lets names pass that are no options.
  ['MtlsModule has no option issuerOrganisation: there are trustAnchors, ', { ...given, issuerOrganisation: 'Acme' }],
  ['MtlsModule has no option revocation.crl: there are mode, crls, ', { ...given, revocation: { crl: [] } }],
  ['has no option rates.off: there are of, exchange', { ...given, rates: { off: () => undefined } }],
  [
    'no option trustedProxies[0].from',
    { ...given, trustedProxies: [{ service: 'edge', format: 'xfcc', from: '::1' }] },
  ],
  ['trustAnchors must be PEM or DER, one or a list, or a function', { ...given, trustAnchors: 5 }],
  ['trustAnchors must be PEM or DER, one or a list, or a function', { ...given, trustAnchors: 'acme/ca.pem' }],
  ['trustedProxies: edge is in services or roles', { ...given, services: ['edge'], trustedProxies: [edge] }],
  ['trustedProxies: edge is in services or roles', { ...given, roles: { edge: ['issuer'] }, trustedProxies: [edge] }],
  ['exemptPaths: status is neither a path, as /status, nor a prefix', { ...given, exemptPaths: ['status'] }],
  ['services[1] must be a text', { ...given, services: ['billing', undefined] }],
  ['serviceFrom must be a list', { ...given, serviceFrom: 'cn' }],
  ["serviceFrom[0] must be one of 'cn', 'dns', 'spiffe'", { ...given, serviceFrom: ['sn'] }],
  ['serviceFrom must not be empty', { ...given, serviceFrom: [] }],
  ['trustDomains must be a list', { ...given, trustDomains: { name: 'a.example', bundle: 'a.json' } }],
  ['MtlsModule needs trustDomains[0].bundle', { ...given, trustDomains: [{ name: 'a.example' }] }],
  ['roles.billing[0] must be a text', { ...given, roles: { billing: [3] } }],
  ['rates.of must be a function', { ...given, rates: { of: { perSecond: 1, burst: 1 } } }],
  ['issuerOrganization must be a text', { ...given, issuerOrganization: 3 }],
  ['exemptPaths must be a list', { ...given, exemptPaths: '/x' }],
  ['MtlsModule needs trustedProxies[0].format', { ...given, trustedProxies: [{ service: 'edge' }] }],
  ["format must be one of 'rfc9440', 'xfcc'", { ...given, trustedProxies: [{ service: 'edge', format: 'nginx' }] }],
  ['revocation must be a table of options', { ...given, revocation: 'soft-fail' }],
  ["mode must be one of 'hard-fail', 'soft-fail', 'off'", { ...given, revocation: { mode: 'hardfail' } }],
  ['revocation.crls[0] must be a table of options', { ...given, revocation: { crls: ['acme.crl'] } }],
  ['onPeer must be a function', { ...given, onPeer: {} }],
  ['cutConnections must be true or false', { ...given, cutConnections: 'false' }],
  ['clock must be a function', { ...given, clock: new Date() }],
])('%s, or it does not start', async (message, options) => {
  const imports = [MtlsModule.forRootAsync({ useFactory: () => options as MtlsOptions })];
  @Module({ imports })
  class TestModule {}
  const app = NestFactory.create(TestModule, new FastifyAdapter(), { logger: LogLines.shared, abortOnError: false });
  await expect(app).rejects.toThrow(message);
});

test('a server that listens without TLS, where nobody has a certificate, is warned of', async () => {
  const app = await startWith([]);
  const from = LogLines.shared.lines.length;
  await app.listen(0, '127.0.0.1');
  const told = LogLines.shared.lines.slice(from).filter(({ level }) => level === 'warn');
  expect(told.map(({ message }) => message)).toEqual([expect.stringContaining('listens without TLS')]);
});

test('what a decorator asks for and nobody has, a misspelt service or role, is warned of at the start', async () => {
  @Controller('accounts')
  @AllowServices('billing', 'spiffe://prod.example/ns/a')
  class Accounts {
    @Get() @AllowServices('biling', 'billing') list(): string {
      return 'secret';
    }
    @Get('audit') @RequireRoles('auditr') audit(): string {
      return 'secret';
    }
    @Get('read') @RequireRoles('auditr', 'reader') @AllowServices('spiffe://nowhere/*') read(): string {
      return 'secret';
    }
    @MessagePattern('accounts') @AllowServices('bill') message(): string {
      return 'secret';
    }
  }
  const warned = async (options: Partial<MtlsOptions>): Promise<unknown[]> => {
    const services = ['billing', 'spiffe://prod.example/ns/*'];
    @Module({
      imports: [MtlsModule.forRoot({ ...given, services, roles: { billing: ['reader'] }, ...options })],
      controllers: [Accounts],
    })
    class TestModule {}
    const app = await NestFactory.create(TestModule, new FastifyAdapter(), { logger: LogLines.shared });
    closing.push(() => app.close());
    const from = LogLines.shared.lines.length;
    await app.init();
    const told = LogLines.shared.lines.slice(from).filter(({ level }) => level === 'warn');
    return told.flatMap(({ message }) => (String(message).startsWith('Accounts.') ? message : []));
  };
  const services = [
    'Accounts.list asks for the service biling, which is not among `services`: nobody is let in by that name',
    'Accounts.message asks for the service bill, which is not among `services`: nobody is let in by that name',
  ];
  const roles = [
    'Accounts.audit asks for the role auditr, which `roles` gives to nobody',
    'Accounts.read asks for the role auditr, which `roles` gives to nobody',
  ];
  expect((await warned({})).sort()).toEqual([...roles, ...services].sort());
  expect(await warned({ roles: {}, services: anyOf() })).toEqual(
    expect.arrayContaining(['Accounts.read asks for the role reader, which `roles` gives to nobody']),
  );
  // What a function gives can change.
  expect(await warned({ roles: () => new Set(), services: anyOf() })).toEqual([]);
});

test('imported as a class, in the root or in a feature, it says how it is imported', async () => {
  @Module({ imports: [MtlsModule] })
  class Feature {}
  for (const imports of [[MtlsModule], [MtlsModule.forRoot(given), Feature]]) {
    @Module({ imports })
    class TestModule {}
    const app = NestFactory.create(TestModule, new FastifyAdapter(), { logger: LogLines.shared, abortOnError: false });
    await expect(app).rejects.toThrow('import MtlsModule.forRoot(…), only once: it is global');
  }
});

describe('with filters and guards of the application’s own', () => {
  @Controller('things')
  class Things {
    @Get() list(): string {
      return 'secret';
    }
    @Post() add(): string {
      return 'secret';
    }
    @Get('broken') @Public() broken(): never {
      throw new Error('broken');
    }
  }
  @Catch()
  class EveryError implements ExceptionFilter {
    catch(error: unknown, host: ArgumentsHost): void {
      const reply = host.switchToHttp().getResponse<FastifyReply>();
      if (error instanceof MtlsRefusal) sendRefusal(reply, error);
      else void reply.code(500).send({ own: true });
    }
  }
  const seen: (string | undefined)[] = [];
  class WhoCalls implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      seen.push(context.switchToHttp().getRequest<IdentifiedRequest>().clientIdentity?.service);
      return true;
    }
  }
  @Module({
    providers: [
      { provide: APP_GUARD, useClass: WhoCalls },
      { provide: APP_FILTER, useClass: EveryError },
    ],
  })
  class Behind {}

  test('refusals that a filter hands on are as they would be without it, and a guard behind MtlsModule knows who calls', async () => {
    const app = await createApp(ca, await serverTls(ca), { imports: [Behind], controllers: [Things] });
    closing.push(() => app.close());
    app.useGlobalFilters(new EveryError());
    app.useGlobalGuards(new WhoCalls());
    await app.listen(0, '127.0.0.1');
    const port = portOf(app.getHttpServer());
    for (const method of ['GET', 'POST']) {
      const { status, json, headers } = await send(port, { method, path: '/things', tls: clientTls(ca, undefined) });
      expect([status, json.code]).toEqual([401, 'client_certificate_required']);
      expect(headers['content-type']).toContain('application/problem+json');
      expect(seen.splice(0)).toEqual([]);
      await send(port, { method, path: '/things', tls: clientTls(ca, billing) });
      expect(seen.splice(0)).toEqual(['billing', 'billing']);
    }
    expect((await get(port, '/things/broken', clientTls(ca, undefined))).json).toEqual({ own: true });
  });
});

describe('a request that did not come over TLS', () => {
  @Controller('things')
  class Things {
    @Get() list(): string {
      return 'secret';
    }
    @Get('open') @Public() open(): string {
      return 'open';
    }
  }
  test('has no identity, whatever it says of itself', async () => {
    const app = await startWith([Things]);
    const headers = { 'x-ssl-client-verify': 'SUCCESS', authorization: 'Bearer x' };
    expect((await app.inject({ url: '/things', headers })).statusCode).toBe(401);
    expect((await app.inject({ url: '/things/open' })).statusCode).toBe(200);
    for (const name of ['x-forwarded-client-cert', 'client-cert'])
      for (const url of ['/things', '/things/open', '/nowhere']) {
        const answer = await app.inject({ url, headers: { ...headers, [name]: 'x' } });
        expect([answer.statusCode, answer.json<object>()]).toEqual([
          400,
          expect.objectContaining({ code: 'client_certificate_malformed' }),
        ]);
      }
  });
});

test('what else runs with Nest’s guards, as resolvers of GraphQL do, is refused, but for what is public', async () => {
  @Injectable()
  class Resolver {
    list(): string {
      return 'secret';
    }
    @Public() open(): string {
      return 'open';
    }
  }
  const app = await createApp(ca, await serverTls(ca), { providers: [Resolver] });
  closing.push(() => app.close());
  await app.init();
  const resolver = app.get(Resolver);
  const run = (method: 'list' | 'open', ...args: unknown[]): Promise<unknown> =>
    app
      .get(ExternalContextCreator)
      .create(
        resolver,
        resolver[method],
        method,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        'graphql',
      )(...args);
  await expect(run('list')).rejects.toMatchObject({ code: 'validation_failed', evidence: { transport: 'graphql' } });
  // Nor does it help that a door has seen the call, when that door asked nobody.
  const call = new TransportCall(
    {
      transport: 'another',
      raw: new IncomingMessage(new Socket()),
      errorOf: (refusal) => refusal,
      end: () => undefined,
    },
    'list',
  );
  rememberCall(call, call);
  await expect(run('list', call)).rejects.toMatchObject({ code: 'client_certificate_required' });
  expect(await run('open')).toBe('open');
});

describe('a handler that two controllers inherit', () => {
  abstract class Base {
    @Get() list(): string {
      return 'here';
    }
  }
  @Controller('a')
  @Public()
  class Open extends Base {}
  @Controller('b')
  class Closed extends Base {}

  test('has the policy of each', async () => {
    const app = await startWith([Open, Closed]);
    for (let round = 0; round < 2; round++) {
      expect((await app.inject({ url: '/a' })).statusCode).toBe(200);
      expect((await app.inject({ url: '/b' })).statusCode).toBe(401);
    }
  });
});

test('the interceptor attaches an identity on a public route, when there is one', async () => {
  const guarded = await start();
  const { json, headers } = await get(guarded.port, '/hello', clientTls(ca, billing));
  // Nobody else is given it.
  expect([json, headers['cache-control']]).toEqual([{ who: 'billing' }, 'no-store']);
  expect((await get(guarded.port, '/open', clientTls(ca, billing))).headers['cache-control']).toBeUndefined();
  for (const client of [
    undefined,
    ca.issue({ commonName: 'stranger' }),
    TestCa.root().issue({ commonName: 'billing' }),
  ])
    expect((await get(guarded.port, '/hello', clientTls(ca, client))).json).toEqual({ who: null });
});

test('@RequireRoles() lets in who has the role now, and @AllowAnyService() whoever has a good certificate', async () => {
  let auditors = new Set<string>();
  const guarded = await start({ roles: ({ service }) => (auditors.has(service) ? new Set(['auditor']) : new Set()) });
  const connection = await RawConnection.open(guarded.port, clientTls(ca, billing));
  const refused = await connection.get('/audit');
  expect([refused.status, refused.json.code, refused.json.detail]).toEqual([
    403,
    'route_not_allowed',
    expect.stringContaining('the role auditor'),
  ]);
  expect((await connection.get('/audit/billing')).json.code).toBe('route_not_allowed');
  auditors = new Set(['billing', 'orders']);
  expect((await connection.get('/audit')).status).toBe(200);
  expect((await connection.get('/audit/billing')).status).toBe(200);
  connection.close();
  // Each of two rules counts.
  const orders = clientTls(ca, ca.issue({ commonName: 'orders' }));
  expect((await get(guarded.port, '/audit', orders)).status).toBe(200);
  expect((await get(guarded.port, '/audit/billing', orders)).json.code).toBe('route_not_allowed');
  const stranger = ca.issue({ commonName: 'stranger' });
  expect((await get(guarded.port, '/mine', clientTls(ca, stranger))).json).toEqual({ service: 'stranger' });
  expect((await get(guarded.port, '/orders', clientTls(ca, stranger))).json.code).toBe('service_not_allowed');
  const forged = TestCa.root().issue({ commonName: 'billing' });
  for (const [client, code] of [
    [forged, 'untrusted_issuer'],
    [undefined, 'client_certificate_required'],
    [ca.issue({ commonName: 'a, b' }), 'service_not_allowed'],
  ] as const)
    expect((await get(guarded.port, '/mine', clientTls(ca, client))).json.code).toBe(code);
});

test('exempt paths need no certificate, of a handler with a body that several controllers have either', async () => {
  abstract class Hooks {
    @Post() take(): object {
      return { ok: true };
    }
  }
  @Controller('first')
  class First extends Hooks {}
  @Controller('second')
  class Second extends Hooks {}
  const parts = { controllers: [First, Second] };
  const app = await createApp(ca, await serverTls(ca), parts, { exemptPaths: ['/first'] });
  closing.push(() => app.close());
  await app.listen(0, '127.0.0.1');
  const post = (path: string) =>
    send(portOf(app.getHttpServer()), { method: 'POST', path, tls: clientTls(ca, undefined), body: {} });
  expect([(await post('/first')).status, (await post('/second')).status]).toEqual([201, 401]);
});

test('exempt paths need no certificate', async () => {
  const guarded = await start({ exemptPaths: ['/hello'] });
  expect((await get(guarded.port, '/hello', clientTls(ca, undefined))).status).toBe(200);
  expect((await get(guarded.port, '/orders/1', clientTls(ca, undefined))).status).toBe(401);
  expect((await get(guarded.port, '/billing', clientTls(ca, undefined))).status).toBe(401);
  expect((await get(guarded.port, '/hello2', clientTls(ca, undefined))).status).toBe(401);
});

test('soft-fail lets pass and logs; off does not ask, and says so at the start', async () => {
  const warned = LogLines.shared.next('soft_fail', { serialNumber: billing.certificate.serialNumber });
  const soft = await start({ revocation: { mode: 'soft-fail', crls: [] } });
  expect((await get(soft.port, '/orders', clientTls(ca, billing))).status).toBe(200);
  await warned;
  LogLines.shared.lines.length = 0;
  const off = await start({ revocation: { mode: 'off' } });
  const said = () => LogLines.shared.lines.map(({ message }) => message);
  expect(said()).toContain(
    'revocation is not checked: `off` stands in mtls.revocation of the configuration, or in revocation.mode of MtlsModule.forRoot',
  );
  LogLines.shared.lines.length = 0;
  await start();
  expect(said()).toContain('revocation is not checked: MtlsModule.forRoot has no option revocation');
  LogLines.shared.lines.length = 0;
  const { file } = writeFiles(temporaryFolder(), { file: ca.certificatePem });
  await start({
    revocation: { crls: [] },
    trustDomains: [
      { name: 'asked.example', bundle: file },
      { name: 'a.example', bundle: file, revocation: 'off' },
    ],
  });
  expect(said().filter((line) => String(line).startsWith('revocation is not checked'))).toEqual([
    'revocation is not checked for services of a.example: `off` stands in its entry of trustDomains',
  ]);
  expect((await get(off.port, '/orders', clientTls(ca, billing))).status).toBe(200);
});

test('hard-fail without any source refuses everybody', async () => {
  const hard = await start({ revocation: {} });
  expect((await get(hard.port, '/orders', clientTls(ca, billing))).json.code).toBe('revocation_unknown');
});

describe('trust that changes', () => {
  test('opens a connection that was refused before', async () => {
    let trust = readTrustAnchors(TestCa.root().certificatePem);
    const guarded = await start({ trustAnchors: () => trust });
    const connection = await RawConnection.open(guarded.port, clientTls(ca, billing));
    for (let round = 0; round < 2; round++)
      expect((await connection.get('/orders')).json.code).toBe('untrusted_issuer');
    trust = readTrustAnchors(ca.certificatePem);
    expect((await connection.get('/orders')).status).toBe(200);
    connection.close();
  });

  test('is asked for on each request: an open connection is validated again', async () => {
    let trust = readTrustAnchors(ca.certificatePem);
    const guarded = await start({ trustAnchors: () => trust });
    const connection = await RawConnection.open(guarded.port, clientTls(ca, billing));
    expect((await connection.get('/orders')).status).toBe(200);
    trust = readTrustAnchors(TestCa.root().certificatePem);
    expect((await connection.get('/orders')).json.code).toBe('untrusted_issuer');
    connection.close();
  });
});

describe('a CRL at a URL', () => {
  async function publish(answer: RequestListener): Promise<string> {
    const server: Server = createServer(answer);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/ca.crl`;
  }

  test('is fetched, asked for again conditionally, and taken up when it changes', async () => {
    let octets = ca.crl();
    let etag = '"1"';
    let unchanged = 0;
    const source = await publish((request, response) => {
      if (request.headers['if-none-match'] === etag) {
        unchanged++;
        response.writeHead(304).end();
      } else response.writeHead(200, { etag }).end(octets);
    });
    const guarded = await start({ revocation: { crls: [{ source }], refreshInterval: 10 } });
    expect((await get(guarded.port, '/orders', clientTls(ca, billing))).status).toBe(200);
    const loaded = LogLines.shared.next('crl_loaded', { source });
    octets = ca.crl([{ certificate: billing.certificate, reason: 1 }]);
    etag = '"2"';
    await loaded;
    expect((await get(guarded.port, '/orders', clientTls(ca, billing))).json.code).toBe('certificate_revoked');
    while (unchanged < 2) await new Promise((resolve) => setImmediate(resolve));
  });

  test.each<[string, RequestListener]>([
    ['an error', (_, response) => response.writeHead(500).end()],
    ['a redirect', (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end()],
    ['a cut connection', (_, response) => response.destroy()],
    ['a page', (_, response) => response.end('<html>')],
  ])('that answers with %s: unknown, and the log says so', async (_, answer) => {
    const failed = LogLines.shared.next('crl_failed');
    const guarded = await start({ revocation: { crls: [{ source: await publish(answer) }] } });
    expect((await failed).reason).toEqual(expect.any(String));
    expect((await get(guarded.port, '/orders', clientTls(ca, billing))).json.code).toBe('revocation_unknown');
  });
});

test('a CRL of a CA whose certificate is given with it, in PEM', async () => {
  const folder = temporaryFolder();
  const source = join(folder, 'crl.pem');
  const pem = `-----BEGIN X509 CRL-----\n${Buffer.from(ca.crl()).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END X509 CRL-----\n`;
  writeFileSync(source, pem);
  const guarded = await start({ revocation: { crls: [{ source, issuer: ca.certificatePem }] } });
  expect((await get(guarded.port, '/orders', clientTls(ca, billing))).status).toBe(200);
});

describe('a CRL that cannot be used yet', () => {
  test('is taken up when its time comes, though its file stays as it is', async () => {
    const source = join(temporaryFolder(), 'early.crl');
    let clock = Date.now();
    writeFileSync(
      source,
      ca.crl([], { thisUpdate: new Date(clock + 3_600_000), nextUpdate: new Date(clock + 7_200_000) }),
    );
    const failed = LogLines.shared.next('crl_failed', { source });
    const guarded = await start({
      revocation: { crls: [{ source }], refreshInterval: 10 },
      clock: () => new Date(clock),
    });
    expect((await failed).reason).toMatch(/future/);
    expect((await get(guarded.port, '/orders', clientTls(ca, billing))).json.code).toBe('revocation_unknown');
    const loaded = LogLines.shared.next('crl_loaded', { source });
    clock += 3_700_000;
    await loaded;
    expect((await get(guarded.port, '/orders', clientTls(ca, billing))).status).toBe(200);
  });

  test('is taken up when its issuer is trusted', async () => {
    const source = join(temporaryFolder(), 'other.crl');
    const other = TestCa.root({ commonName: 'Other Root' });
    const client = other.issue({ commonName: 'billing' });
    writeFileSync(source, other.crl());
    let trust = readTrustAnchors(ca.certificatePem);
    const failed = LogLines.shared.next('crl_failed', { source });
    const guarded = await start({
      trustAnchors: () => trust,
      revocation: { crls: [{ source }], refreshInterval: 10 },
    });
    await failed;
    const loaded = LogLines.shared.next('crl_loaded', { source });
    trust = readTrustAnchors([ca.certificatePem, other.certificatePem]);
    await loaded;
    expect((await get(guarded.port, '/orders', clientTls(ca, client))).status).toBe(200);
  });
});

test('of two CRLs of one issuer the newer one counts, wherever it stands in the list', async () => {
  const folder = temporaryFolder();
  const [older, newer] = [join(folder, 'older.crl'), join(folder, 'newer.crl')];
  writeFileSync(older, ca.crl([], { thisUpdate: new Date(Date.now() - 3_600_000) }));
  writeFileSync(newer, ca.crl([{ certificate: billing.certificate, reason: 1 }]));
  for (const sources of [
    [older, newer],
    [newer, older],
  ]) {
    const guarded = await start({ revocation: { crls: sources.map((source) => ({ source })) } });
    expect((await get(guarded.port, '/orders', clientTls(ca, billing))).json.code).toBe('certificate_revoked');
  }
});

test('a connection whose CA is revoked goes on where another path leads to it, and ends when none is left', async () => {
  const [keyPair, other, folder] = [
    generateTestKeyPair(),
    TestCa.root({ commonName: 'Other Root' }),
    temporaryFolder(),
  ];
  const [one, two] = [ca, other].map((above) => above.intermediate({ keyPair, commonName: 'X' }));
  const [first, second] = [one!, two!];
  const sources = ['ca', 'other', 'x'].map((name) => join(folder, name));
  const lists = [ca.crl(), other.crl(), first.crl()];
  for (const [i, list] of lists.entries()) writeFileSync(sources[i]!, list);
  const guarded = await start({
    trustAnchors: [ca, other].map(({ certificatePem }) => certificatePem),
    intermediates: [first, second].map(({ certificatePem }) => certificatePem),
    revocation: { crls: sources.map((source) => ({ source })), refreshInterval: 10 },
  });
  const client = clientTls(ca, first.issue({ commonName: 'billing' }));
  const open = await RawConnection.open(guarded.port, client);
  expect((await open.get('/orders')).status).toBe(200);
  for (const [above, lost, source, status] of [
    [ca, first, sources[0]!, 200],
    [other, second, sources[1]!, 403],
  ] as const) {
    const loaded = LogLines.shared.next('crl_loaded', { source });
    replaceFile(source, above.crl([lost]));
    await loaded;
    if (status === 200) expect((await open.get('/orders')).status).toBe(200);
    else await open.untilClosed();
    expect((await get(guarded.port, '/orders', client)).status).toBe(status);
  }
  expect((await get(guarded.port, '/orders', client)).json.code).toBe('certificate_revoked');
});
