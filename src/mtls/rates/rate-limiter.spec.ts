import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { Controller, Get, VERSION_NEUTRAL, type ControllerOptions } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import fc from 'fast-check';
import { validateCertificatePath } from '../../x509/index.js';
import { TestCa } from '../../testing/index.js';
import { AllowServices } from '../allow-services.decorator.js';
import { VerifiedClientIdentity } from '../client-identity.js';
import { Public } from '../public.decorator.js';
import { routePolicyOf } from '../route-policy.js';
import { Budgets } from './budgets.js';
import type { Rate } from './rate.js';
import { shareRates } from './rate-exchange.js';
import { RateLimit } from './rate-limit.decorator.js';
import { RateLimited, RateLimiter, type RateLimiterOptions, type RouteLimit } from './rate-limiter.js';

const ca = TestCa.root();
const [billing, orders] = ['billing', 'orders'].map((commonName) => {
  const { certificate: leaf } = ca.issue({ commonName });
  const result = validateCertificatePath({ leaf, intermediates: [], anchors: [ca.certificate], time: new Date() });
  if (!result.ok) throw new Error(result.reason.message);
  return VerifiedClientIdentity.establish(result.path, { serviceFrom: ['cn'] });
}) as [VerifiedClientIdentity, VerifiedClientIdentity];

/** A limiter whose clock stands until it is moved, and what it said in answers. */
class Rig {
  now = 1e6;
  fields: Record<string, string | number> = {};
  readonly limiter: RateLimiter;

  constructor(options: RateLimiterOptions = {}) {
    this.limiter = new RateLimiter({ ...options, clock: () => this.now });
  }

  /** Whether one request passes. */
  asks(who = billing, route?: RouteLimit): boolean {
    return this.refusal(who, route) === undefined;
  }

  refusal(who = billing, route?: RouteLimit): RateLimited | undefined {
    this.fields = {};
    try {
      this.limiter.take(who, route, { header: (name, value) => (this.fields[name] = value) });
      return undefined;
    } catch (error) {
      if (!(error instanceof RateLimited)) throw error;
      return error;
    }
  }
}

const rig = (rate: Rate, options: RateLimiterOptions = {}): Rig => new Rig({ rateOf: () => rate, ...options });
const anyRate = fc.record({
  perSecond: fc.double({ min: 0.1, max: 5_000, noNaN: true }),
  burst: fc.integer({ min: 1, max: 50 }),
});

describe('a rate', () => {
  test('tells whole seconds, whatever fraction the clock stands at', () => {
    const told = new Set<unknown>();
    for (let i = 0; i < 1_000; i++) {
      const one = rig({ perSecond: 0.01, burst: 5 });
      one.now = 100_000 + i * 1_234.567_891;
      expect(one.asks()).toBe(true);
      told.add(one.fields.ratelimit);
    }
    expect([...told]).toEqual(['"service";r=4;t=100']);
  });

  test('gives in no stretch of time more than its burst and what came in since, and again exactly when it says', () => {
    fc.assert(
      fc.property(anyRate, fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 200 }), (rate, pauses) => {
        const one = rig(rate);
        const given: number[] = [];
        for (const pause of pauses) {
          one.now += pause;
          if (one.asks()) given.push(one.now);
        }
        given.forEach((from, i) => {
          const later = given.slice(i);
          const last = later.at(-1) ?? from;
          expect(later.length).toBeLessThanOrEqual(rate.burst + ((last - from) * rate.perSecond) / 1000 + 1e-3);
        });
        let refusal: RateLimited | undefined;
        while (!refusal) refusal = one.refusal();
        const wait = Number(one.fields['retry-after']);
        expect(wait).toBeGreaterThanOrEqual(1);
        one.now += wait * 1000;
        expect(one.asks()).toBe(true);
      }),
    );
  });

  test('is of each service by itself, and none where there is none', () => {
    const one = new Rig({ rateOf: ({ service }) => (service === 'billing' ? { perSecond: 1, burst: 2 } : undefined) });
    expect([one.asks(), one.asks(), one.asks()]).toEqual([true, true, false]);
    for (let i = 0; i < 100; i++) expect(one.asks(orders)).toBe(true);
    expect(one.fields).toEqual({});
  });

  test('that is no number lets nobody through', () => {
    expect(rig({ perSecond: Number.NaN, burst: 5 }).asks()).toBe(false);
    expect(rig({ perSecond: 5, burst: Number.NaN }).asks()).toBe(false);
    expect(rig({ perSecond: 0, burst: 5 }).asks()).toBe(false);
  });

  test('counts as soon as it changes', () => {
    let rate = { perSecond: 1, burst: 1 };
    const one = new Rig({ rateOf: () => rate });
    expect([one.asks(), one.asks()]).toEqual([true, false]);
    rate = { perSecond: 1, burst: 3 };
    expect([one.asks(), one.asks(), one.asks()]).toEqual([true, true, false]);
    rate = { perSecond: 1, burst: 1 };
    one.now += 2_000;
    expect(one.asks()).toBe(false);
  });

  test('that is raised gives by the new one at once, and one that is lowered no more than that', () => {
    let rate = { perSecond: 0.001, burst: 80 };
    const one = new Rig({ rateOf: () => rate });
    for (let i = 0; i < 80; i++) one.asks();
    expect(one.asks()).toBe(false);
    rate = { perSecond: 100, burst: 100 };
    expect(Array.from({ length: 21 }, () => one.asks()).filter(Boolean)).toHaveLength(20);
    one.now += 10;
    expect([one.asks(), one.asks()]).toEqual([true, false]);
    rate = { perSecond: 1, burst: 2 };
    expect(one.asks()).toBe(false);
    one.now += 1_000;
    expect([one.asks(), one.asks()]).toEqual([true, false]);
  });

  test('is told as structured fields, and in a refusal with Retry-After', () => {
    const one = rig({ perSecond: 0.5, burst: 3 });
    one.asks();
    expect(one.fields).toEqual({ 'ratelimit-policy': '"service";q=3;w=6', ratelimit: '"service";r=2;t=2' });
    one.asks();
    one.asks();
    one.now += 500;
    const refusal = one.refusal();
    expect(refusal).toMatchObject({ code: 'rate_limited', status: 429, message: 'the service is over its rate' });
    expect(refusal?.evidence).toMatchObject({ service: 'billing', perSecond: 0.5, burst: 3, limit: 'service' });
    expect(one.fields).toEqual({
      'ratelimit-policy': '"service";q=3;w=6',
      ratelimit: '"service";r=0;t=2',
      'retry-after': 2,
    });
  });

  test('is logged once a second, with how many were passed over', () => {
    const one = rig({ perSecond: 0.001, burst: 1 });
    one.asks();
    const seen = (): unknown[] => {
      const refusal = one.refusal();
      return [refusal?.isRepeated, refusal?.evidence.passedOver];
    };
    expect([seen()[0], seen()[0], seen()[0]]).toEqual([false, true, true]);
    one.now += 1_000;
    expect(seen()).toEqual([false, 2]);
    one.now += 1_000;
    expect(seen()).toEqual([false, 0]);
  });
});

describe('a limit of a route', () => {
  const limit: RouteLimit = { owner: {}, name: 'OrdersController.list', rate: { perSecond: 1, burst: 1 } };

  test('is of each route by itself, of one decorator too', () => {
    const one = new Rig();
    expect([one.asks(billing, limit), one.asks(billing, limit)]).toEqual([true, false]);
    expect(one.asks(billing, { ...limit, name: 'OrdersController.show' })).toBe(true);
  });

  test('holds beside another one for the same request, whichever comes first', () => {
    const wider: RouteLimit = { owner: {}, name: 'Others.list', rate: { perSecond: 1, burst: 2 } };
    for (const limits of [
      [limit, wider],
      [wider, limit],
    ]) {
      const { limiter } = new Rig();
      limiter.takeUnderAll(billing, limits);
      expect(() => {
        limiter.takeUnderAll(billing, limits);
      }).toThrow(RateLimited);
    }
  });

  test('holds besides the rate of the service, and a refusal takes nothing from either', () => {
    const one = rig({ perSecond: 1, burst: 3 });
    expect(one.asks(billing, limit)).toBe(true);
    expect(one.fields).toEqual({
      'ratelimit-policy': '"service";q=3;w=3, "route";q=1;w=1',
      ratelimit: '"service";r=2;t=1, "route";r=0;t=1',
    });
    for (let i = 0; i < 10; i++)
      expect(one.refusal(billing, limit)?.message).toBe('the service is over its rate on this route');
    expect([one.asks(), one.asks(), one.asks()]).toEqual([true, true, false]);
    one.now += 1_000;
    expect(one.asks()).toBe(true);
    for (let i = 0; i < 10; i++) expect(one.refusal(billing, limit)?.message).toBe('the service is over its rate');
    one.now += 1_000;
    expect(one.asks(billing, limit)).toBe(true);
  });

  test('is that of the handler, or else that of the controller, which its handlers share', () => {
    @RateLimit({ perSecond: 5, burst: 5 })
    class Controller {
      list(): void {
        return;
      }
      show(): void {
        return;
      }
      @RateLimit({ perSecond: 1, burst: 1 })
      expensive(): void {
        return;
      }
    }
    const { list, show, expensive } = Controller.prototype;
    const [a, b, c] = [list, show, expensive].map((handler) => routePolicyOf(handler, Controller));
    expect(a).toMatchObject({ limit: { name: 'Controller', rate: { perSecond: 5, burst: 5 } } });
    expect(c).toMatchObject({ limit: { name: 'Controller.expensive', rate: { perSecond: 1, burst: 1 } } });
    const rates = [a, b].map((policy) => (policy?.public === false ? policy.limit?.rate : undefined));
    expect(rates[0]).toBe(rates[1]);
  });

  test('is each controller’s own, where a function makes several or several versions have one name', () => {
    @RateLimit({ perSecond: 1, burst: 1 })
    abstract class Limited {
      @Get() list(): void {
        return;
      }
    }
    const made = (options: ControllerOptions) => {
      @Controller(options)
      class Made extends Limited {}
      return Made;
    };
    const controllers = [
      made({ path: 'a' }),
      made({ path: 'b' }),
      made({ path: 'b', version: '2' }),
      made({ path: ['b', 'c'], version: VERSION_NEUTRAL }),
    ];
    const names = controllers.map((controller) => {
      const policy = routePolicyOf(Limited.prototype.list, controller);
      return policy.public ? undefined : policy.limit?.name;
    });
    expect(names[0]).toBe('Made a');
    expect(new Set(names).size).toBe(controllers.length);
  });

  test('is each class’s own, where several of one name have it from one class that they extend', () => {
    @RateLimit({ perSecond: 1, burst: 1 })
    abstract class Limited {
      list(): void {
        return;
      }
    }
    const made = (decorate: ClassDecorator) => {
      @decorate
      class Made extends Limited {}
      const policy = routePolicyOf(Limited.prototype.list, Made);
      return policy.public ? undefined : policy.limit;
    };
    const one = rig({ perSecond: 1, burst: 1_000 });
    const controllers = [made(Controller('a')), made(Controller('a'))];
    expect(controllers.map((limit) => one.asks(billing, limit))).toEqual([true, true]);
    expect(controllers.map((limit) => one.asks(billing, limit))).toEqual([false, false]);
    // Other nodes tell them apart by their names.
    const places = [
      made(WebSocketGateway({ path: '/a' })),
      made(WebSocketGateway({ path: '/b' })),
      made(Controller({ host: 'a.example' })),
      made(Controller({ host: 'b.example' })),
    ];
    expect(new Set(places.map((limit) => limit?.name)).size).toBe(4);
  });

  test('that cannot be is refused when it is written', () => {
    for (const rate of [
      { perSecond: 0, burst: 1 },
      { perSecond: -1, burst: 1 },
      { perSecond: Number.NaN, burst: 1 },
      { perSecond: Number.POSITIVE_INFINITY, burst: 1 },
      { perSecond: 1, burst: 0 },
      { perSecond: 1, burst: 1.5 },
      { perSecond: 0.001, burst: 100 },
    ])
      expect(() => RateLimit(rate)).toThrow(RangeError);
    class Controller {
      @Public()
      @RateLimit({ perSecond: 1, burst: 1 })
      open(): void {
        return;
      }
      @AllowServices('billing')
      closed(): void {
        return;
      }
    }
    expect(() => routePolicyOf(Controller.prototype.open, Controller)).toThrow(TypeError);
    expect(routePolicyOf(Controller.prototype.closed, Controller)).toMatchObject({ limit: undefined });
  });
});

describe('several nodes', () => {
  test('keep one rate in the long run, and give at most a burst each beyond it', () => {
    const between = fc.integer({ min: 2, max: 4 });
    const asking = fc.array(
      fc.record({ pause: fc.integer({ min: 0, max: 300 }), node: fc.nat(3), many: fc.integer({ min: 1, max: 40 }) }),
      { minLength: 20, maxLength: 100 },
    );
    fc.assert(
      fc.property(anyRate, between, asking, (rate, count, steps) => {
        const nodes = Array.from({ length: count }, () => rig(rate, { shared: true }));
        let given = 0;
        let time = 0;
        let toldAt = 0;
        for (const { pause, node, many } of steps) {
          time += pause;
          for (const each of nodes) each.now += pause;
          if (time - toldAt >= 100) {
            const spent = nodes.map(({ limiter }) => limiter.takeSpent());
            nodes.forEach(({ limiter }, i) => {
              limiter.debit(spent.flatMap((each, j) => (i === j ? [] : each)));
            });
            toldAt = time;
          }
          for (let i = 0; i < many; i++) if (nodes[node % count]?.asks()) given++;
        }
        // 400 ms: what passes at most between two tellings here.
        const most = count * rate.burst + (rate.perSecond * (time + count * 400)) / 1000;
        expect(given).toBeLessThanOrEqual(most + 1e-3);
      }),
    );
  });

  test('a service that goes to the next node takes its debts along, on routes too', () => {
    const limit: RouteLimit = { owner: {}, name: 'route', rate: { perSecond: 1, burst: 2 } };
    const [a, b] = [rig({ perSecond: 1, burst: 5 }, { shared: true }), rig({ perSecond: 1, burst: 5 })];
    expect(b.asks(orders, limit)).toBe(true);
    for (let i = 0; i < 2; i++) expect(a.asks(billing, limit)).toBe(true);
    const spent = a.limiter.takeSpent();
    expect(spent).toEqual([
      ['', 'billing', 2_000],
      ['route', 'billing', 2_000],
    ]);
    expect(a.limiter.takeSpent()).toEqual([]);
    b.limiter.debit(spent);
    expect(b.asks(billing, limit)).toBe(false);
    expect([1, 2, 3, 4].map(() => b.asks())).toEqual([true, true, true, false]);
    expect(b.asks(orders)).toBe(true);
  });

  test('believe no nonsense', () => {
    const one = rig({ perSecond: 1, burst: 1 });
    one.limiter.debit([
      ['', 'billing', Number.NaN],
      ['', 'billing', -1],
      ['', 'billing', 1e12],
      ['nowhere', 'billing', 1_000],
    ]);
    expect(one.asks()).toBe(true);
  });
});

test.each([
  ['rejects', () => Promise.reject(new Error('gone'))],
  [
    'throws',
    () => {
      throw new Error('gone');
    },
  ],
])('an exchange that %s is asked again, and ends nothing', async (_, tell) => {
  const limiter = new RateLimiter({ rateOf: () => ({ perSecond: 1000, burst: 1000 }), shared: true });
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on('unhandledRejection', hear);
  let told = 0;
  const stop = shareRates(limiter, {
    tell: () => {
      told++;
      return tell();
    },
    hear: () => () => undefined,
  });
  while (told < 2) {
    limiter.take(billing, undefined, undefined);
    await delay(10);
  }
  stop();
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});

test('budgets that are whole are forgotten, and there are never more than 65 536', () => {
  const budgets = new Budgets('');
  for (let i = 0; i < 10_000; i++) budgets.of(`service-${i}`, 0).debit(1_000, 0);
  expect(budgets.size).toBe(10_000);
  for (let i = 0; i < 10_000; i++) budgets.of(`other-${i}`, 1_001);
  expect(budgets.size).toBeLessThan(11_000);
  budgets.of('debtor', 2_000).debit(1e9, 2_000);
  for (let i = 0; i < 200_000; i++) budgets.of(`name-${i}`, 2_000).debit(1e8, 2_000);
  expect(budgets.size).toBeLessThanOrEqual(65_536);
  expect(budgets.of('name-199999', 2_000).wholeAt).toBe(2_000 + 1e8);
  // However many come after it: what is owed least is forgotten first.
  expect(budgets.of('debtor', 2_000).wholeAt).toBe(2_000 + 1e9);
});
