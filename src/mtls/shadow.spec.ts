import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { LogLines, startGuardedApp, type GuardedApp } from '../../test/support/guarded-app.js';
import { clientTls, get, PROTOCOLS } from '../../test/support/client.js';
import { TestCa } from '../testing/index.js';
import { Oid } from '../x509/index.js';
import { services, type Authorizer } from './authorizer.js';
import { Public } from './public.decorator.js';
import { routePolicyOf } from './route-policy.js';
import { Shadow } from './shadow.decorator.js';
import type { ShadowedRequest } from './shadowed-request.js';

const ca = TestCa.root();
const shadowed: ShadowedRequest[] = [];
/** A stranger is only tried; the list is that of the guarded application otherwise. */
const allowList: Authorizer = (identity, roles) =>
  identity.service === 'stranger'
    ? { allowed: true, shadow: { reason: 'stranger is only tried' } }
    : services('billing', 'orders')(identity, roles);
let guarded: GuardedApp;
const call = (path: string, client: ReturnType<TestCa['issue']> | undefined, protocol = PROTOCOLS[2]) =>
  get(guarded.port, path, clientTls(ca, client, protocol?.[0]), protocol?.[1]);

beforeAll(async () => {
  guarded = await startGuardedApp(ca, {
    services: allowList,
    onShadow: (request) => {
      shadowed.push(request);
    },
    revocation: {
      status: {
        epoch: 0,
        statusOf: ({ serialNumber }) =>
          serialNumber === revoked.certificate.serialNumber
            ? { status: 'revoked', source: 'test', revocationDate: new Date(), reason: 'superseded' }
            : { status: 'good', source: 'test' },
      },
    },
  });
});
afterAll(() => guarded.app.close());
afterEach(() => {
  shadowed.length = 0;
});

const stranger = ca.issue({ commonName: 'stranger' });
const revoked = ca.issue({ commonName: 'stranger' });
const unlisted = ca.issue({ commonName: 'unlisted' });

describe.each(PROTOCOLS)('on %s, %s', (...protocol) => {
  test('a service that is only tried passes, and each call is told with the route', async () => {
    const line = LogLines.shared.next('shadowed', { service: 'stranger' });
    expect((await call('/orders/7', stranger, protocol)).status).toBe(200);
    const reason = 'stranger is only tried';
    const told = { code: 'service_not_allowed', reason, service: 'stranger', method: 'GET', route: '/orders/:id' };
    expect(shadowed).toEqual([{ ...told, requestId: expect.any(String) }]);
    expect(await line).toMatchObject({ ...told, request_id: shadowed[0]?.requestId });
  });

  test('a route that is only tried lets pass what the list and its own rules refuse, and tells of both', async () => {
    expect((await call('/tried', unlisted, protocol)).status).toBe(200);
    expect(shadowed.map(({ code, service, route }) => [code, service, route])).toEqual([
      ['service_not_allowed', 'unlisted', '/tried'],
      ['route_not_allowed', 'unlisted', '/tried'],
    ]);
    expect(await call('/billing', unlisted, protocol)).toMatchObject({
      status: 403,
      json: { code: 'service_not_allowed' },
    });
  });

  test('what the route refuses stays refused to a service that is only tried', async () => {
    expect(await call('/billing', stranger, protocol)).toMatchObject({
      status: 403,
      json: { code: 'route_not_allowed' },
    });
  });
});

test('nothing is told where nothing would have been refused', async () => {
  expect((await call('/tried', ca.issue({ commonName: 'billing' }))).status).toBe(200);
  expect(shadowed).toEqual([]);
});

test.each([
  ['nobody', undefined, 'client_certificate_required'],
  ['a certificate of another CA', TestCa.root().issue({ commonName: 'stranger' }), 'untrusted_issuer'],
  [
    'one that is over',
    ca.issue({ commonName: 'stranger', notAfter: new Date(Date.now() - 1000) }),
    'certificate_expired',
  ],
  ['one that was revoked', revoked, 'certificate_revoked'],
  ['one for servers', ca.issue({ commonName: 'stranger', purposes: [Oid.serverAuth] }), 'wrong_key_usage'],
])('no shadow lets %s pass', async (_, client, code) => {
  for (const path of ['/tried', '/orders']) expect([path, (await call(path, client)).json.code]).toEqual([path, code]);
  expect(shadowed).toEqual([]);
});

test('@Shadow() on a controller counts for each of its routes, and makes no sense on a public one', () => {
  @Shadow()
  class Tried {
    list(): void {
      // Nobody calls it.
    }
    @Public()
    open(): void {
      // Nobody calls it.
    }
    @Public()
    @Shadow()
    both(): void {
      // Nobody calls it.
    }
  }
  expect(routePolicyOf(Tried.prototype.list, Tried)).toMatchObject({ public: false, shadow: true });
  expect(routePolicyOf(Tried.prototype.open, Tried)).toEqual({ public: true });
  expect(() => routePolicyOf(Tried.prototype.both, Tried)).toThrow('nothing to try');
});
