import {
  All,
  Controller,
  Get,
  Head,
  Inject,
  Injectable,
  Module,
  Options,
  Post,
  Scope,
  Search,
  Sse,
  Version,
  VersioningType,
  type Type,
} from '@nestjs/common';
import { REQUEST, RouterModule } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { of } from 'rxjs';
import { send } from '../../test/support/certificate-client.js';
import { clientTls, get } from '../../test/support/client.js';
import { createApp, portOf, serverTls } from '../../test/support/transport-app.js';
import { TestCa } from '../testing/index.js';
import { AllowServices, RateLimit } from './index.js';

const ca = TestCa.root();
const [billing, orders] = ['billing', 'orders'].map((commonName) => ca.issue({ commonName }));

/** As decorators of tracing, caching and transactions do it: another function in the place of the method, which knows nothing of what stood on that. */
const Wrapped: MethodDecorator = (_, __, descriptor: PropertyDescriptor) => {
  const method = descriptor.value as (...args: unknown[]) => unknown;
  descriptor.value = function (this: unknown, ...args: unknown[]): unknown {
    return method.apply(this, args);
  };
};

@Injectable({ scope: Scope.REQUEST, durable: true })
class Tenant {
  constructor(@Inject(REQUEST) readonly request: unknown) {}
}

abstract class Base {
  @Get('inherited')
  @AllowServices('billing')
  inherited(): string {
    return 'secret';
  }
}

@AllowServices('billing')
abstract class Ruled {
  @Get()
  list(): string {
    return 'secret';
  }
}

/** A class made for another one. */
function mixedIn(path: string): Type<object> {
  @Controller(path)
  class Mixin extends Ruled {}
  return Mixin;
}

@Controller('kinds')
@AllowServices('billing')
class Kinds extends Base {
  @All('all')
  all(): string {
    return 'secret';
  }
  @Get(['one', 'other'])
  several(): string {
    return 'secret';
  }
  @Get('files/*')
  files(): string {
    return 'secret';
  }
  @Get(':a-:b')
  parameters(): string {
    return 'secret';
  }
  @Head('head')
  head(): undefined {
    return undefined;
  }
  @Options('options')
  options(): string {
    return 'secret';
  }
  @Search('search')
  search(): string {
    return 'secret';
  }
  @Post('post')
  post(): string {
    return 'secret';
  }
  @Sse('events')
  events(): unknown {
    return of({ data: 'secret' });
  }
}

@Controller('plain')
class Plain extends Base {
  @Get('wrapped')
  @Wrapped
  @AllowServices('billing')
  wrapped(): string {
    return 'secret';
  }
  @Get('twice')
  @Wrapped
  @AllowServices('billing', 'orders')
  @Wrapped
  @AllowServices('billing')
  twice(): string {
    return 'secret';
  }
  @Post('wrapped')
  @Wrapped
  @AllowServices('billing')
  posted(): string {
    return 'secret';
  }
  @Get('bounded')
  @Wrapped
  @RateLimit({ perSecond: 0.001, burst: 1 })
  bounded(): string {
    return 'secret';
  }
}

@Controller({ path: 'versions', version: ['1', '2'] })
@AllowServices('billing')
class Versions {
  @Get()
  list(): string {
    return 'secret';
  }
  @Get('own')
  @Version('3')
  own(): string {
    return 'secret';
  }
}

@Controller({ path: 'hosted', host: 'a.example' })
@AllowServices('billing')
class Hosted {
  @Get()
  list(): string {
    return 'secret';
  }
}

@Controller({ path: 'scoped', scope: Scope.REQUEST })
class Scoped extends Ruled {}

@Controller('durable')
class Durable extends Ruled {
  constructor(@Inject(Tenant) readonly tenant: Tenant) {
    super();
  }
}

@Controller('outside')
class Outside extends Ruled {}

@Controller('routed')
class Routed extends Ruled {}
@Module({ controllers: [Routed] })
class RoutedModule {}

@Controller('dynamic')
class Dynamic extends Ruled {}
@Module({})
class DynamicallyMade {}

class Trait {
  @Get('wrapped')
  @Wrapped
  @AllowServices('billing')
  wrapped(): string {
    return 'secret';
  }
  @Get('plain')
  @AllowServices('billing')
  plain(): string {
    return 'secret';
  }
}

/** Has its methods from another class, as in the mixins of TypeScript's handbook. */
@Controller('copied')
class Copied {}
for (const name of ['wrapped', 'plain'])
  Object.defineProperty(Copied.prototype, name, Object.getOwnPropertyDescriptor(Trait.prototype, name) ?? {});

let app: NestFastifyApplication;
beforeAll(async () => {
  app = await createApp(ca, await serverTls(ca), {
    imports: [
      RoutedModule,
      RouterModule.register([{ path: 'below', module: RoutedModule }]),
      { module: DynamicallyMade, controllers: [Dynamic] },
    ],
    controllers: [Kinds, Plain, Versions, Hosted, Scoped, Durable, Outside, Copied, mixedIn('mixed')],
    providers: [Tenant],
  });
  app.enableVersioning({ type: VersioningType.URI });
  app.setGlobalPrefix('prefix', { exclude: ['outside'] });
  await app.listen(0, '127.0.0.1');
});
afterAll(() => app.close());

const A_HOST = { host: 'a.example' };
const ROUTES: readonly (readonly [method: string, path: string, headers?: Record<string, string>])[] = [
  ['GET', '/prefix/kinds/inherited'],
  ['HEAD', '/prefix/kinds/inherited'],
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'SEARCH'].map(
    (method) => [method, '/prefix/kinds/all'] as const,
  ),
  ['GET', '/prefix/kinds/one'],
  ['HEAD', '/prefix/kinds/other'],
  ['GET', '/prefix/kinds/files/a/b'],
  ['GET', '/prefix/kinds/files/%2e%2e/b'],
  ['GET', '/prefix/kinds/c-d'],
  ['HEAD', '/prefix/kinds/head'],
  ['OPTIONS', '/prefix/kinds/options'],
  ['SEARCH', '/prefix/kinds/search'],
  ['POST', '/prefix/kinds/post'],
  ['GET', '/prefix/kinds/events'],
  ['GET', '/prefix/plain/inherited'],
  ['GET', '/prefix/plain/wrapped'],
  ['HEAD', '/prefix/plain/wrapped'],
  ['POST', '/prefix/plain/wrapped'],
  ['GET', '/prefix/plain/twice'],
  ['GET', '/prefix/v1/versions'],
  ['GET', '/prefix/v2/versions'],
  ['GET', '/prefix/v3/versions/own'],
  ['GET', '/prefix/hosted', A_HOST],
  ['GET', '/prefix/scoped'],
  ['GET', '/prefix/durable'],
  ['GET', '/outside'],
  ['GET', '/prefix/mixed'],
  ['GET', '/prefix/copied/wrapped'],
  ['GET', '/prefix/copied/plain'],
  ['GET', '/prefix/below/routed'],
  ['GET', '/prefix/dynamic'],
];

test.each(ROUTES)('%s %s asks for what the decorators say', async (method, path, headers = {}) => {
  const port = portOf(app.getHttpServer());
  const statuses = [];
  for (const client of [undefined, orders, billing])
    statuses.push((await send(port, { method, path, tls: clientTls(ca, client), headers })).status);
  expect(statuses).toEqual([401, 403, path.startsWith('/prefix/kinds/all') || method !== 'POST' ? 200 : 201]);
  if (method !== 'GET') return;
  const overHttp2 = [];
  for (const client of [undefined, orders, billing])
    overHttp2.push(
      (await get(port, path, clientTls(ca, client), 'HTTP/2', { ':authority': headers.host ?? 'localhost' })).status,
    );
  expect(overHttp2).toEqual([401, 403, 200]);
});

test('a limit counts on a method that another decorator has replaced', async () => {
  const ask = () => get(portOf(app.getHttpServer()), '/prefix/plain/bounded', clientTls(ca, billing));
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 429]);
});

test.each([
  '/prefix/hosted',
  '/prefix/v4/versions',
  '/kinds/all',
  '/prefix/KINDS/all',
  '/prefix/kinds//all',
  '/prefix//kinds/all',
  '/prefix/kinds/all/',
])('beside a route nobody gets in without a certificate: %s', async (path) => {
  expect((await get(portOf(app.getHttpServer()), path, clientTls(ca, undefined))).status).toBe(401);
});
