import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeName, Oid, validateCertificatePath } from '../x509/index.js';
import { TestCa } from '../testing/index.js';
import { AllowAnyService } from './allow-any-service.decorator.js';
import { RequireRoles, AllowServices, Authorize } from './allow-services.decorator.js';
import { allOf, anyOf, roles, services, type Authorizer } from './authorizer.js';
import { VerifiedClientIdentity } from './client-identity.js';
import { exemptPaths } from './exempt-paths.js';
import { MtlsRefusal, REFUSALS, type RefusalCode } from './mtls.errors.js';
import { Public } from './public.decorator.js';
import { firstKnown, type RevocationAnswer } from '../revocation/index.js';
import { routePolicyOf } from './route-policy.js';
import { ServiceRoles } from './service-roles.js';
import { readTrustAnchors } from './trust-anchors.js';

const ca = TestCa.root();

function identityOf(commonName: string, uris: readonly string[] = []): VerifiedClientIdentity {
  const names = uris.map((value) => ({ kind: 'uri', value }) as const);
  const { certificate } = ca.issue({ subject: encodeName([[{ type: Oid.commonName, value: commonName }]]), names });
  const result = validateCertificatePath({
    leaf: certificate,
    intermediates: [],
    anchors: [ca.certificate],
    time: new Date(),
  });
  if (!result.ok) throw new Error(result.reason.message);
  return VerifiedClientIdentity.establish(result.path, { serviceFrom: ['cn'] });
}
const billing = identityOf('billing');

describe('an identity', () => {
  test('is frozen, and what only looks like one is told apart', () => {
    expect(Object.isFrozen(billing)).toBe(true);
    expect(VerifiedClientIdentity.isProven(billing)).toBe(true);
    for (const forged of [
      Object.fromEntries(Object.entries(billing)),
      Object.create(VerifiedClientIdentity.prototype),
      null,
      undefined,
      'billing',
    ])
      expect(VerifiedClientIdentity.isProven(forged)).toBe(false);
  });

  test.each([
    [['spiffe://prod.example/ns/billing'], 'spiffe://prod.example/ns/billing'],
    [['spiffe://prod.example'], 'spiffe://prod.example'],
    [['spiffe://prod.example/a', 'spiffe://prod.example/b'], undefined],
    [['spiffe://Prod.example/a'], undefined],
    [['spiffe://prod.example/a?b'], undefined],
    [['spiffe://prod.example/a#b'], undefined],
    [['spiffe://prod.example:8443/a'], undefined],
    [['spiffe://user@prod.example/a'], undefined],
    [['spiffe://prod.example//a'], undefined],
    [['spiffe://prod.example/a/'], undefined],
    [['spiffe://prod.example/../a'], undefined],
    [['spiffe://prod.example/./a'], undefined],
    [['spiffe://prod.example/%61'], undefined],
    [['SPIFFE://prod.example/a'], undefined],
    [['https://prod.example/a'], undefined],
    [[`spiffe://prod.example/${'a'.repeat(2048)}`], undefined],
    [[], undefined],
  ])('URI SANs %j: SPIFFE ID %j', (uris, spiffeId) => {
    expect(identityOf('billing', uris).spiffeId).toBe(spiffeId);
  });
});

const NO_ROLES: ReadonlySet<string> = new Set();

describe('authorizers', () => {
  const name = fc.stringMatching(/^[a-z]{1,3}$/);

  test('services: exactly the names given', () => {
    fc.assert(
      fc.property(fc.array(name), fc.constantFrom('a', 'ab', 'billing'), (names, service) => {
        expect(services(...names)({ service } as VerifiedClientIdentity, NO_ROLES).allowed).toBe(
          names.includes(service),
        );
      }),
    );
  });

  test('roles: one of those named', () => {
    fc.assert(
      fc.property(fc.array(name), fc.array(name), (needed, own) => {
        const decision = roles(...needed)(billing, new Set(own));
        expect(decision.allowed).toBe(needed.some((role) => own.includes(role)));
      }),
    );
  });

  test('whoever is not in the table of roles has none', () => {
    const table = new ServiceRoles({ billing: ['auditor'] });
    const rolesOf = (service: string): string[] => [...table.of({ service } as VerifiedClientIdentity)];
    expect([rolesOf('billing'), rolesOf('orders'), rolesOf('__proto__'), rolesOf('constructor')]).toEqual([
      ['auditor'],
      [],
      [],
      [],
    ]);
    expect([...new ServiceRoles(({ service }) => new Set([service])).of(billing)]).toEqual(['billing']);
  });

  test('allOf and anyOf are and and or, of what is only tried too, and of nothing they allow nothing', () => {
    const yes: Authorizer = () => ({ allowed: true });
    const no: Authorizer = () => ({ allowed: false, reason: 'no' });
    const tried: Authorizer = () => ({ allowed: true, shadow: { reason: 'tried' } });
    const outcomeOf = (rule: Authorizer): Authorizer => {
      const decision = rule(billing, NO_ROLES);
      if (!decision.allowed) return no;
      return decision.shadow ? tried : yes;
    };
    expect([allOf()(billing, NO_ROLES).allowed, anyOf()(billing, NO_ROLES).allowed]).toEqual([false, false]);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(yes, no, tried), { minLength: 1 }), (rules) => {
        const firstOf = (...order: Authorizer[]) => order.find((outcome) => rules.includes(outcome));
        expect(outcomeOf(allOf(...rules))).toBe(firstOf(no, tried, yes));
        expect(outcomeOf(anyOf(...rules))).toBe(firstOf(yes, tried, no));
      }),
    );
  });
});

describe('the policy of a route', () => {
  class Plain {
    list(): void {
      return;
    }
    @Public() open(): void {
      return;
    }
    @AllowServices('billing') billing(): void {
      return;
    }
    @Public() @AllowServices('billing') both(): void {
      return;
    }
    @AllowAnyService() any(): void {
      return;
    }
    @RequireRoles('auditor') audit(): void {
      return;
    }
  }
  @Public()
  class Open extends Plain {}
  @AllowServices('orders')
  class Orders extends Plain {}

  const isPublic = (controller: typeof Plain, method: keyof Plain): boolean =>
    routePolicyOf(controller.prototype[method], controller).public;

  test('without a decorator it is closed', () => {
    expect(isPublic(Plain, 'list')).toBe(false);
  });
  test('@Public() on the handler, or on the controller, opens it', () => {
    expect([isPublic(Plain, 'open'), isPublic(Open, 'list'), isPublic(Orders, 'open')]).toEqual([true, true, true]);
  });
  test('@Public() on the controller does not open a handler that names services', () => {
    expect(isPublic(Open, 'billing')).toBe(false);
  });
  test('a handler cannot be both', () => {
    expect(() => isPublic(Plain, 'both')).toThrow(TypeError);
  });
  test('@AllowAnyService() asks for an identity, on a public controller too, and nothing narrower beside it', () => {
    expect(routePolicyOf(Plain.prototype.any, Plain)).toEqual({
      public: false,
      anyService: true,
      allowExpired: false,
      authorizers: [],
      shadow: false,
      isEventStream: false,
    });
    expect(isPublic(Open, 'any')).toBe(false);
    expect(routePolicyOf(Plain.prototype.list, Plain)).toMatchObject({ anyService: false });
    expect(() => isPublic(Orders, 'any')).toThrow(TypeError);
  });
  test('@RequireRoles() is asked with the roles of now', () => {
    const policy = routePolicyOf(Plain.prototype.audit, Plain);
    const [rule] = policy.public ? [] : policy.authorizers;
    expect([rule?.(billing, NO_ROLES).allowed, rule?.(billing, new Set(['auditor'])).allowed]).toEqual([false, true]);
    expect(() => (RequireRoles as (...names: string[]) => unknown)()).toThrow(RangeError);
  });
  test('rules of controller and handler must both allow', () => {
    const policy = routePolicyOf(Orders.prototype.billing, Orders);
    expect(policy.public ? [] : policy.authorizers.map((rule) => rule(billing, NO_ROLES).allowed)).toEqual([
      false,
      true,
    ]);
  });
  test('a route for nobody is a mistake', () => {
    expect(() => (AllowServices as (...names: string[]) => unknown)()).toThrow(RangeError);
    expect(Authorize(() => ({ allowed: true }))).toBeInstanceOf(Function);
  });
});

describe('exempt paths', () => {
  const isExempt = exemptPaths(['/status', '/assets/*']);

  test.each([
    ['/status', true],
    ['/status?full=1', true],
    ['/assets/a/b.css', true],
    ['/assets/', true],
    ['/assets', false],
    ['/status/', false],
    ['/statusx', false],
    ['/Status', false],
    ['//status', false],
    ['/assets//secret', false],
    ['/assets/../secret', false],
    ['/assets/..', false],
    ['/assets/%2e%2e/secret', false],
    ['/assets/..\\secret', false],
    ['/assets/..#a', false],
    ['/assets/..;a', false],
    ['/assets/a?b=/..#;%', true],
    ['/', false],
    ['', false],
  ])('%s: %s', (url, expected) => {
    expect(isExempt(url)).toBe(expected);
  });

  test.each(['status', '/a;b', '/a//b', '/a/..', '/a*', '/*', '*', '/a?b', '/a/*/b', '/a%20b', ''])(
    '%j is refused',
    (path) => {
      expect(() => exemptPaths([path])).toThrow(RangeError);
    },
  );

  test('no path is exempt when none is named', () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => expect(exemptPaths([])(path)).toBe(false)),
      { numRuns: 20 },
    );
  });
});

describe('sources of revocation status', () => {
  type Known = RevocationAnswer['status'] | 'held';
  const source = (status: Known, epoch: number) => ({
    epoch,
    statusOf: (): RevocationAnswer =>
      status === 'good'
        ? { status, source: 's' }
        : status === 'unknown'
          ? { status, source: 's', why: 'why' }
          : {
              status: 'revoked',
              source: 's',
              revocationDate: new Date(0),
              reason: status === 'held' ? 'certificateHold' : 'keyCompromise',
            },
  });
  const ask = (...statuses: Known[]): string =>
    firstKnown(...statuses.map((status) => source(status, 1))).statusOf(ca.certificate, ca.certificate, new Date())
      .status;

  test('the first that knows is believed; when none does it is unknown, and none at all is unknown too', () => {
    expect([
      ask('unknown', 'revoked'),
      ask('good', 'held'),
      ask('held', 'good'),
      ask('unknown', 'good'),
      ask('unknown', 'unknown'),
      ask(),
    ]).toEqual(['revoked', 'good', 'revoked', 'good', 'unknown', 'unknown']);
  });
  test('what any of them knows to be revoked for good is revoked', () => {
    expect(ask('good', 'unknown', 'revoked')).toBe('revoked');
  });
  test('the epoch changes when that of one of them does', () => {
    expect(firstKnown(source('good', 1), source('good', 2)).epoch).not.toBe(
      firstKnown(source('good', 1), source('good', 3)).epoch,
    );
  });
});

describe('trust anchors', () => {
  const issuing = ca.intermediate();
  test('a bundle is told apart into anchors and intermediates', () => {
    const trust = readTrustAnchors(ca.certificatePem + issuing.certificatePem);
    expect([trust.anchors.length, trust.intermediates.length]).toEqual([1, 1]);
    expect(readTrustAnchors(ca.certificate.der, [issuing.certificate.der]).intermediates[0]?.fingerprint256).toBe(
      issuing.certificate.fingerprint256,
    );
  });
  test.each<[string, string | Uint8Array]>([
    ['no root', issuing.certificatePem],
    ['nothing', ''],
    ['no PEM', 'nonsense'],
    ['cut DER', ca.certificate.der.subarray(0, 50)],
  ])('%s: refused', (_, input) => {
    expect(() => readTrustAnchors(input)).toThrow();
  });
});

test('the order of the table is the order of the checks: what names a service comes last', () => {
  const order = Object.keys(REFUSALS) as RefusalCode[];
  expect(order.slice(-4)).toEqual(['service_not_allowed', 'route_not_allowed', 'rate_limited', 'validation_failed']);
  for (const code of order) expect(new MtlsRefusal(code, 'x').status).toBe(REFUSALS[code].status);
});
