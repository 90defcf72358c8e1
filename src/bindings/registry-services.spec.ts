import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { ROLES } from '../configuration/index.js';
import { EventBus } from '../events/index.js';
import {
  Public,
  AllowAnyService,
  RequireRoles,
  AllowServices,
  Shadow,
  routePolicyOf,
  accessOf,
} from '../mtls/index.js';
import { allowedWith, openRegistry, type Registry, type ServiceTerms } from '../registry/index.js';
import { registryServices } from './registry-services.js';
import { openStore, type Store } from '../store/index.js';

/*
 * The rules once more, as one would write them on paper: what may a caller do, given the entries there are. Whatever is changed in whatever order, through
 * whatever process, the registry and the guard's policies must say the same, and open nothing that is not open here.
 */

const NAMES = ['a', 'ab', 'abc', 'b'];
const IDS = ['spiffe://x.org/a', 'spiffe://x.org/a/b', 'spiffe://x.org/b', undefined];
const ENTRIES = [...NAMES, 'a*', 'ab*', 'spiffe://x.org/*', 'spiffe://x.org/a/*', 'spiffe://x.org/a'];
const CONFIGURED = [{ name: 'a', roles: ['auditor'] }];
const PINS = ['1', '2', '3'].map((digit) => digit.repeat(64));

type Entries = ReadonlyMap<string, ServiceTerms>;
interface Caller {
  readonly service: string;
  readonly spiffeId: string | undefined;
  readonly pin: string;
  readonly time: number;
}

function entriesOnPaper(entries: Entries, { service, spiffeId }: Caller): ServiceTerms[] {
  return [service, spiffeId].flatMap((name) => {
    const fitting = [...entries.keys()].filter((entry) =>
      entry.endsWith('*') ? name?.startsWith(entry.slice(0, -1)) && name.length >= entry.length : entry === name,
    );
    // The exact one, else the longest.
    const [best] = fitting.sort((a, b) => Number(b === name) - Number(a === name) || b.length - a.length);
    const terms = best === undefined ? undefined : entries.get(best);
    return terms ? [terms] : [];
  });
}

const objects = (terms: ServiceTerms, { pin, time }: Caller): boolean =>
  (terms.tries ?? terms.state) === 'denied' ||
  time < (terms.validFrom ?? 0) ||
  time >= (terms.validUntil ?? Infinity) ||
  (terms.pins.length > 0 && !terms.pins.includes(pin));

function onPaper(entries: Entries, caller: Caller): { allowed: boolean; shadowed: boolean; roles: string[] } {
  const found = entriesOnPaper(entries, caller);
  const objecting = found.filter((terms) => objects(terms, caller));
  const allowed = found.length > 0 && objecting.every(({ state }) => state === 'shadow');
  const roles = allowed ? [...new Set(found.flatMap((terms) => terms.roles))].sort() : [];
  return { allowed, shadowed: allowed && objecting.length > 0, roles };
}

const terms: fc.Arbitrary<ServiceTerms> = fc
  .record({
    state: fc.constantFrom('allowed', 'denied', 'shadow'),
    tries: fc.constantFrom('allowed', 'denied'),
    roles: fc.subarray(['admin', 'auditor', 'issuer']),
    validFrom: fc.constantFrom(null, 10, 20),
    validUntil: fc.constantFrom(null, 21, 30),
    pins: fc.constantFrom([], PINS.slice(0, 2), PINS.slice(1)),
    rate: fc.constant(null),
    note: fc.constantFrom(null, 'x', 'y'),
  } as const)
  .map(({ tries, ...each }) => ({ ...each, tries: each.state === 'shadow' ? tries : null }));

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('put' as const), name: fc.constantFrom(...ENTRIES), terms }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), name: fc.constantFrom(...ENTRIES) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reload' as const) }) },
);
const caller = fc.record({
  service: fc.constantFrom(...NAMES, 'zz'),
  spiffeId: fc.constantFrom(...IDS),
  pin: fc.constantFrom(...PINS),
  time: fc.constantFrom(5, 10, 15, 20, 21, 25, 30, 35),
});

class Routes {
  plain(): void {
    // Nobody calls it.
  }
  @AllowServices('a', 'b')
  named(): void {
    // Nobody calls it.
  }
  @RequireRoles('auditor')
  auditors(): void {
    // Nobody calls it.
  }
  @AllowServices('ab')
  @Shadow()
  tried(): void {
    // Nobody calls it.
  }
  @AllowAnyService()
  any(): void {
    // Nobody calls it.
  }
  @Public()
  open(): void {
    // Nobody calls it.
  }
}
const ROUTES = ['plain', 'named', 'auditors', 'tried', 'any', 'open'] as const;

let store: Store;
beforeAll(async () => {
  store = await openStore({ path: ':memory:' });
});
afterAll(() => store.close());

const open = (): Promise<Registry> =>
  openRegistry({ store, configured: CONFIGURED, roles: ROLES, events: new EventBus() });
const requester = { actor: 'test', requestId: 'test' };

test('the allow-list has another epoch once an entry is over, so that open connections are looked at', async () => {
  const { changes, services } = await open();
  const until = Date.now() + 3_600_000;
  await changes.put({ name: 'short', terms: { ...allowedWith([]), validUntil: until }, requester });
  const list = registryServices(services);
  const before = list.epoch;
  const clock = jest.spyOn(Date, 'now').mockReturnValue(until);
  expect(list.epoch).toBe(Number(before) + 1);
  clock.mockRestore();
  await changes.remove({ name: 'short', requester });
});

test('no sequence of changes and reloads opens what no rule opens, or shuts what one does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.array(caller, { minLength: 4, maxLength: 8 }),
      async (steps, callers) => {
        // What an earlier run left is taken away first: rows stay.
        let nodes = [await open(), await open()];
        for (const { name, source } of nodes[0]!.services.list())
          if (source === 'registry') await nodes[0]!.changes.remove({ name, requester });
        const paper = new Map<string, ServiceTerms>();
        const configured = new Map(nodes[0]!.services.list().map((service) => [service.name, service.terms]));
        // Connections that stay open through all of it.
        const identities = callers.map(() => ({}));
        for (const [index, each] of steps.entries()) {
          const node = nodes[index % 2]!;
          if (each.kind === 'reload') nodes = [await open(), await open()];
          if (each.kind === 'put') {
            await node.changes.put({ name: each.name, terms: each.terms, requester });
            paper.set(each.name, each.terms);
          }
          if (each.kind === 'remove') {
            const isThere = paper.delete(each.name);
            const removed = await node.changes.remove({ name: each.name, requester }).then(
              () => true,
              () => false,
            );
            expect(removed).toBe(isThere);
          }
          for (const { services } of nodes) await services.refresh();
          const entries = new Map([...configured, ...paper]);
          for (const [i, who] of callers.entries()) {
            const expected = onPaper(entries, who);
            for (const { services } of nodes) {
              const subject = { ...who, spkiSha256: () => who.pin };
              const answer = services.answer(
                identities[i]!,
                () => subject,
                () => who.time,
              );
              expect({
                allowed: answer.allowed,
                shadowed: answer.allowed && answer.shadow !== undefined,
                roles: [...answer.roles].sort(),
              }).toEqual(expected);
              for (const route of ROUTES) {
                const { outcome } = accessOf(
                  routePolicyOf(Routes.prototype[route], Routes),
                  { service: who.service, spiffeId: who.spiffeId, roles: answer.roles },
                  () => answer,
                );
                expect([route, outcome]).toEqual([route, routeOnPaper(route, who, expected)]);
              }
            }
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

function routeOnPaper(
  route: (typeof ROUTES)[number],
  { service }: Caller,
  { allowed, shadowed, roles }: ReturnType<typeof onPaper>,
): string {
  if (route === 'open') return 'public';
  if (route === 'any') return 'allowed';
  if (route === 'tried') return allowed && !shadowed && service === 'ab' ? 'allowed' : 'shadowed';
  const isOpen = { plain: true, named: ['a', 'b'].includes(service), auditors: roles.includes('auditor') }[route];
  if (!allowed || !isOpen) return 'refused';
  return shadowed ? 'shadowed' : 'allowed';
}
