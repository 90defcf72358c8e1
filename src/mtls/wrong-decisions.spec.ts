import { Controller, Get, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { send } from '../../test/support/certificate-client.js';
import { clientTls } from '../../test/support/client.js';
import { LogLines } from '../../test/support/guarded-app.js';
import { createApp, portOf, serverTls } from '../../test/support/transport-app.js';
import { TestCa } from '../testing/index.js';
import { accessOf, allOf, anyOf, Authorize, routePolicyOf, type Authorizer, type RoutePolicy } from './index.js';

const ca = TestCa.root();
const billing = ca.issue({ commonName: 'billing' });
const edge = ca.issue({ commonName: 'edge' });

// As a careless library may throw it.
const NOTHING = undefined as unknown as Error;

/** What an author may write who took a rule for something else. */
const WRONG: readonly (readonly [what: string, answer: () => unknown])[] = [
  ['true', () => true],
  ['false', () => false],
  ['nothing', () => undefined],
  ['null', () => null],
  ['a word', () => 'no'],
  ['an empty object', () => ({})],
  ['a refusal without a reason', () => ({ allowed: false })],
  ['a truthy word', () => ({ allowed: 'yes' })],
  ['a number', () => ({ allowed: 1 })],
  ['a shadow that is none', () => ({ allowed: true, shadow: true })],
  ['a promise of a permission', () => Promise.resolve({ allowed: true })],
  ['a promise of a refusal', () => Promise.resolve({ allowed: false, reason: 'no' })],
  ['a promise that is rejected', () => Promise.reject(new Error('late'))],
  ['a promise that is rejected with nothing', () => Promise.reject(NOTHING)],
  ['a promise that is never kept', () => new Promise(() => undefined)],
  ['a function', () => () => ({ allowed: true })],
  [
    'an exception',
    () => {
      throw new Error('a rule that fails');
    },
  ],
  [
    'an exception of nothing',
    () => {
      throw NOTHING;
    },
  ],
];

let answer: () => unknown;
const rule = (() => answer()) as unknown as Authorizer;
const allowed: Authorizer = () => ({ allowed: true });

@Controller()
class Ruled {
  static ran = 0;
  @Get('one') @Authorize(rule) one(): string {
    Ruled.ran++;
    return 'secret';
  }
  @Post('one') @Authorize(rule) posted(): string {
    Ruled.ran++;
    return 'secret';
  }
  @Get('all') @Authorize(allOf(rule, allowed)) all(): string {
    Ruled.ran++;
    return 'secret';
  }
  @Get('any') @Authorize(anyOf(rule, allowed)) any(): string {
    Ruled.ran++;
    return 'secret';
  }
  @Get('plain') plain(): string {
    Ruled.ran++;
    return 'secret';
  }
}

let app: NestFastifyApplication;
let listed: NestFastifyApplication;
const unheard: unknown[] = [];
const hear = (reason: unknown): void => {
  unheard.push(reason);
};
beforeAll(async () => {
  process.on('unhandledRejection', hear);
  const tls = await serverTls(ca);
  app = await createApp(
    ca,
    tls,
    { controllers: [Ruled] },
    {
      trustedProxies: [{ service: 'edge', format: 'rfc9440', condition: () => answer() as boolean }],
    },
  );
  await app.listen(0, '127.0.0.1');
  listed = await createApp(ca, tls, { controllers: [Ruled] }, { services: rule });
  await listed.listen(0, '127.0.0.1');
});
afterAll(async () => {
  process.off('unhandledRejection', hear);
  await Promise.all([app.close(), listed.close()]);
});
beforeEach(() => {
  Ruled.ran = 0;
});

describe.each(WRONG)('a rule that answers with %s', (_, wrong) => {
  test.each([
    ['GET', '/one'],
    ['POST', '/one'],
    ['GET', '/all'],
    ['GET', '/any'],
  ])('lets nobody in: %s %s', async (method, path) => {
    answer = wrong;
    const line = LogLines.shared.next('refused', { code: 'validation_failed' });
    const got = await send(portOf(app.getHttpServer()), { method, path, tls: clientTls(ca, billing) });
    expect([got.status, got.json.code, Ruled.ran]).toEqual([500, 'validation_failed', 0]);
    expect(await line).toMatchObject({ request_id: got.json.request_id });
    await new Promise(setImmediate);
    expect(unheard).toEqual([]);
  });

  test('is said to let nobody in', () => {
    answer = wrong;
    const caller = { service: 'billing', roles: new Set<string>() };
    const [refused, policy] = [
      { outcome: 'refused', code: 'validation_failed' },
      routePolicyOf(Ruled.prototype.one, Ruled),
    ];
    expect(accessOf(policy, caller, allowed)).toMatchObject(refused);
    expect(accessOf({ ...policy, shadow: true } as RoutePolicy, caller, allowed)).toMatchObject(refused);
    expect(accessOf(routePolicyOf(Ruled.prototype.plain, Ruled), caller, rule)).toMatchObject(refused);
  });

  test('as the list of services lets nobody in', async () => {
    answer = wrong;
    const got = await send(portOf(listed.getHttpServer()), {
      method: 'GET',
      path: '/plain',
      tls: clientTls(ca, billing),
    });
    expect([got.status, got.json.code, Ruled.ran]).toEqual([500, 'validation_failed', 0]);
  });
});

test.each(WRONG.filter(([what]) => what !== 'true' && what !== 'false'))(
  'the condition of a proxy that answers with %s makes nobody a proxy',
  async (_, wrong) => {
    answer = wrong;
    const headers = { 'client-cert': `:${Buffer.from(billing.certificate.der).toString('base64')}:` };
    const got = await send(portOf(app.getHttpServer()), {
      method: 'GET',
      path: '/plain',
      tls: clientTls(ca, edge),
      headers,
    });
    expect([got.status, got.json.code, Ruled.ran]).toEqual([500, 'validation_failed', 0]);
    await new Promise(setImmediate);
    expect(unheard).toEqual([]);
  },
);
