import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AllowAnyService } from './allow-any-service.decorator.js';
import { AllowExpired } from './allow-expired.decorator.js';
import { AllowServices, Authorize, RequireRoles } from './allow-services.decorator.js';
import type { VerifiedClientIdentity } from './client-identity.js';
import type { HandlerClass } from './handler-methods.js';
import { Public } from './public.decorator.js';
import { routePolicyOf, type RoutePolicy, DEFAULT_ADMISSION, leastOf } from './route-policy.js';
import { Shadow } from './shadow.decorator.js';

/** A decorator, and what it says, for a reading of its own. */
type Said =
  | { readonly is: 'public' | 'any service' | 'expired' | 'wrapped' }
  | { readonly is: 'services' | 'roles'; readonly of: readonly string[] };

const SERVICES = ['billing', 'orders', 'spiffe://prod.example/ns/a', 'spiffe://prod.example/other'];
const ROLES = ['auditor', 'issuer'];

/** As decorators of tracing and caching do it: another function in the method's place. */
const wrapped = ((_: object, __: string, descriptor: PropertyDescriptor) => {
  const method = descriptor.value as () => unknown;
  descriptor.value = function (this: unknown): unknown {
    return method.call(this);
  };
}) as ClassDecorator & MethodDecorator;

const decoratorOf = (said: Said): ClassDecorator & MethodDecorator => {
  switch (said.is) {
    case 'public':
      return Public();
    case 'any service':
      return AllowAnyService();
    case 'expired':
      return AllowExpired();
    case 'wrapped':
      return wrapped;
    case 'services':
      return AllowServices(...(said.of as [string]));
    case 'roles':
      return RequireRoles(...(said.of as [string]));
  }
};

/** As Nest and TypeScript do it: the lowest decorator first. */
function decorated(
  base: readonly Said[],
  controller: readonly Said[],
  handler: readonly Said[],
): { readonly handler: object; readonly controller: HandlerClass } {
  class Base {
    readonly name = 'base';
  }
  class Controller extends Base {
    list(): string {
      return 'list';
    }
  }
  const method = Object.getOwnPropertyDescriptor(Controller.prototype, 'list')!;
  for (const said of [...handler].reverse()) decoratorOf(said)(Controller.prototype, 'list', method);
  Object.defineProperty(Controller.prototype, 'list', method);
  for (const said of [...base].reverse()) decoratorOf(said)(Base);
  for (const said of [...controller].reverse()) decoratorOf(said)(Controller);
  return { handler: method.value as object, controller: Controller };
}

type Caller = { readonly service: string; readonly roles: readonly string[]; readonly isListed: boolean } | undefined;

/** The table of docs/policy.md, in words: who gets in. `contradiction` lets nobody in. */
function byTheTable(
  { base, controller, handler }: { base: readonly Said[]; controller: readonly Said[]; handler: readonly Said[] },
  caller: Caller,
): boolean {
  const rules = (said: readonly Said[]) => said.filter(({ is }) => is === 'services' || is === 'roles');
  const says = (said: readonly Said[], what: Said['is']) => said.some(({ is }) => is === what);
  const asks = (said: readonly Said[]) => rules(said).length > 0 || says(said, 'any service');
  // Of the class that it extends a controller keeps what narrows, and of a method that was replaced what narrows stays.
  const inherited = [...rules(base), ...controller];
  const onFunction = handler.slice(0, handler.findIndex(({ is }) => is === 'wrapped') >>> 0);
  const handlerSays = [...onFunction, ...rules(handler)];
  if (says(handlerSays, 'public')) return !asks(handlerSays);
  if (says(controller, 'public') && asks(inherited)) return false;
  if (says(controller, 'public') && !asks(handlerSays)) return true;
  const all = [...inherited, ...handlerSays];
  if (says(all, 'any service')) return rules(all).length === 0 && caller !== undefined;
  if (!caller?.isListed) return false;
  return rules(all).every((said) => {
    if (said.is === 'roles') return said.of.some((role) => caller.roles.includes(role));
    if (said.is !== 'services') return false;
    return said.of.some((pattern) =>
      pattern.endsWith('/*') ? caller.service.startsWith(pattern.slice(0, -1)) : pattern === caller.service,
    );
  });
}

function admits(policy: () => RoutePolicy, caller: Caller): boolean {
  let found: RoutePolicy;
  try {
    found = policy();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return false;
  }
  if (found.public) return true;
  if (!caller || (!found.anyService && !caller.isListed)) return false;
  const identity = { service: caller.service } as VerifiedClientIdentity;
  return found.authorizers.every((rule) => rule(identity, new Set(caller.roles)).allowed);
}

const some = <T>(values: readonly T[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
const rule: fc.Arbitrary<Said> = fc.oneof(
  some([...SERVICES, 'spiffe://prod.example/ns/*', 'spiffe://prod.example/*']).map(
    (of) => ({ is: 'services', of }) as const,
  ),
  some(ROLES).map((of) => ({ is: 'roles', of }) as const),
);
const anything: fc.Arbitrary<Said> = fc.oneof(
  rule,
  fc.constantFrom<Said>({ is: 'public' }, { is: 'any service' }, { is: 'expired' }),
);
const several = fc.array(anything, { maxLength: 3 });
const onMethod = fc.array(fc.oneof({ weight: 4, arbitrary: anything }, fc.constant<Said>({ is: 'wrapped' })), {
  maxLength: 4,
});
const stacks = fc.record({ base: several, controller: several, handler: onMethod });
const caller: fc.Arbitrary<Caller> = fc.option(
  fc.record({ service: fc.constantFrom(...SERVICES), roles: fc.subarray(ROLES), isListed: fc.boolean() }),
  { nil: undefined },
);

describe('the decision table', () => {
  test('decides every combination of decorators, on base class, controller and handler, replaced or not, for every caller', () => {
    fc.assert(
      fc.property(stacks, caller, ({ base, controller, handler }, who) => {
        const route = decorated(base, controller, handler);
        const expected = byTheTable({ base, controller, handler }, who);
        expect(admits(() => routePolicyOf(route.handler, route.controller), who)).toBe(expected);
      }),
      { numRuns: 3_000 },
    );
  });

  test('a decorator more never lets in anybody who is shut out, unless it is @Public() or @AllowAnyService()', () => {
    const place = fc.constantFrom('base', 'controller', 'handler');
    fc.assert(
      fc.property(stacks, rule, place, fc.nat(3), caller, (stack, more, where, at, who) => {
        const before = decorated(stack.base, stack.controller, stack.handler);
        const wider = { ...stack, [where]: stack[where].toSpliced(at, 0, more) };
        const after = decorated(wider.base, wider.controller, wider.handler);
        const [was, is] = [before, after].map((route) =>
          admits(() => routePolicyOf(route.handler, route.controller), who),
        );
        if (is === true) expect(was).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  test('without @Public() nobody gets in without a certificate', () => {
    const closed = fc.array(fc.oneof(rule, fc.constantFrom<Said>({ is: 'any service' }, { is: 'expired' })), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(closed, closed, closed, (base, controller, handler) => {
        const route = decorated(base, controller, handler);
        expect(admits(() => routePolicyOf(route.handler, route.controller), undefined)).toBe(false);
      }),
    );
  });
});

test('two rules on one handler both count, in either order', () => {
  class Plain {
    @AllowServices('billing')
    @RequireRoles('auditor')
    one(): number {
      return 1;
    }
    @RequireRoles('auditor')
    @Authorize(({ service }) => (service === 'billing' ? { allowed: true } : { allowed: false, reason: 'no' }))
    other(): number {
      return 2;
    }
  }
  for (const method of ['one', 'other'] as const)
    for (const [service, roles, expected] of [
      ['billing', ['auditor'], true],
      ['billing', [], false],
      ['orders', ['auditor'], false],
    ] as const)
      expect(admits(() => routePolicyOf(Plain.prototype[method], Plain), { service, roles, isListed: true })).toBe(
        expected,
      );
});

test('a class keeps the rules of the one that it extends, and is not opened by it', () => {
  @Public()
  class Open {
    list(): number {
      return 1;
    }
  }
  class Closed extends Open {}
  @AllowAnyService()
  @Shadow()
  class Any {
    list(): number {
      return 1;
    }
  }
  class Listed extends Any {}
  @AllowServices('orders')
  class Orders {
    list(): number {
      return 1;
    }
  }
  @AllowServices('billing')
  class Both extends Orders {}
  expect(routePolicyOf(Open.prototype.list, Open).public).toBe(true);
  expect(routePolicyOf(Closed.prototype.list, Closed).public).toBe(false);
  expect(routePolicyOf(Any.prototype.list, Any)).toMatchObject({ anyService: true, shadow: true });
  expect(routePolicyOf(Listed.prototype.list, Listed)).toMatchObject({ anyService: false, shadow: false });
  const policy = routePolicyOf(Both.prototype.list, Both);
  expect(policy.public ? [] : policy.authorizers).toHaveLength(2);
  // What the class says is said of itself alone.
  const base = routePolicyOf(Orders.prototype.list, Orders);
  expect(base.public ? [] : base.authorizers).toHaveLength(1);
});

test('a handler that is no method of its controller, as one that was replaced on an instance, lets nobody in', () => {
  class Plain {
    @AllowServices('billing')
    list(): number {
      return 1;
    }
  }
  const plain = new Plain();
  plain.list = () => 2;
  expect(() => routePolicyOf(plain.list, Plain)).toThrow('not a method of its class');
});

describe('a function that took the place of a method keeps the rules of that', () => {
  /** A class with the same function under a name of its own. */
  const copyOf = (method: () => number) => {
    class Copy {
      all(): number {
        return 2;
      }
    }
    Copy.prototype.all = method;
    return Copy;
  };
  const rulesOf = (controller: HandlerClass, handler: object): number => {
    const policy = routePolicyOf(handler, controller);
    return policy.public ? 0 : policy.authorizers.length;
  };

  test('and so does a copy that was made before, whoever asks first', () => {
    class Plain {
      @AllowServices('billing')
      list(): number {
        return 1;
      }
    }
    const original = Plain.prototype.list;
    const before = copyOf(original);
    Plain.prototype.list = () => 3;
    expect(rulesOf(before, original)).toBe(1);
    expect(rulesOf(Plain, Plain.prototype.list)).toBe(1);
    Plain.prototype.list = () => 4;
    expect(rulesOf(Plain, Plain.prototype.list)).toBe(1);
  });

  test('of each of several', () => {
    class Other {
      @AllowServices('orders')
      all(): number {
        return 5;
      }
    }
    class Third {
      @RequireRoles('auditor')
      every(): number {
        return 6;
      }
    }
    const shared = (): number => 7;
    Other.prototype.all = shared;
    Third.prototype.every = shared;
    expect(rulesOf(copyOf(shared), shared)).toBe(2);
  });
});

test('the least of several policies asks for what all of them ask, and is closed without any', () => {
  const [one, two, three] = [1, 2, 3].map(() => () => ({ allowed: true as const }));
  const asking = (...authorizers: (typeof one)[]) => ({
    ...DEFAULT_ADMISSION,
    public: false as const,
    authorizers: authorizers.flatMap((rule) => rule ?? []),
  });
  expect(leastOf([asking(one, two), asking(two, three), asking(two)])).toEqual(asking(two));
  expect(leastOf([asking(one), asking(one), asking(three)])).toEqual(asking());
  expect(leastOf([asking(one), asking()])).toEqual(asking());
  for (const wider of [{ shadow: true }, { anyService: true }, { allowExpired: true }])
    expect(leastOf([asking(), { ...asking(), ...wider }])).toEqual({ ...asking(), ...wider });
  expect(leastOf([asking(one), { public: true }])).toEqual({ public: true });
  expect(leastOf([])).toEqual(asking());
});
