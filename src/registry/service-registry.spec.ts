import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { AuditLog } from '../audit/index.js';
import { EventBus } from '../events/index.js';
import { openStore, type Store } from '../store/index.js';
import { openRegistry, type Registry } from './open-registry.js';
import type { Subject } from './service-answer.js';
import type { Expected } from './service-changes.js';
import type { ServiceRegistry } from './service-registry.js';
import { allowedWith, type ServiceTerms } from './service-terms.js';

const ROLES = ['admin', 'auditor'];
const CONFIGURED = [
  { name: 'orders', roles: [] },
  { name: 'admin-client', roles: ['admin'] },
];
const requester = { actor: 'admin-client', requestId: 'request-1' };
const allowed = allowedWith([]);
const denied: ServiceTerms = { ...allowed, state: 'denied' };
const PIN = 'a'.repeat(64);
const BACKUP = 'b'.repeat(64);
const NOW = Date.parse('2027-01-01T00:00:00Z');

/** What the registry says to a service with a new connection. */
function ask(services: ServiceRegistry, service: string, more: Partial<Subject> & { time?: number } = {}) {
  const { spiffeId, spkiSha256 = () => PIN, time = NOW } = more;
  return services.answer(
    {},
    () => ({ service, spiffeId, spkiSha256 }),
    () => time,
  );
}
const isLetIn = (services: ServiceRegistry, service: string, more?: Parameters<typeof ask>[2]): boolean =>
  ask(services, service, more).allowed;

describeOnEachStore('the service registry', (kind, newPlace) => {
  let empty: StorePlace;
  let place: StorePlace;
  let stores: Store[];
  let registry: Registry;
  const open = async (events = new EventBus()): Promise<Registry> => {
    const store = await openStore(place.options);
    stores.push(store);
    return openRegistry({ store, configured: CONFIGURED, roles: ROLES, events, now: () => new Date(NOW) });
  };
  const put = (name: string, terms: ServiceTerms, more: { expected?: Expected } = {}) =>
    registry.changes.put({ name, terms, requester, ...more });
  beforeAll(async () => {
    empty = await newPlace();
    await (await openStore(empty.options)).close();
  });
  afterAll(() => empty.remove());
  beforeEach(async () => {
    place = await empty.copy();
    stores = [];
    registry = await open();
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    await place.remove();
  });

  it('starts from the configured list, and from nothing else', () => {
    const { services } = registry;
    expect(['orders', 'admin-client', 'billing', '__proto__'].map((name) => isLetIn(services, name))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([...ask(services, 'admin-client').roles]).toEqual(['admin']);
    expect(services.list().map(({ name, source, version }) => [name, source, version])).toEqual([
      ['admin-client', 'configuration', 0],
      ['orders', 'configuration', 0],
    ]);
  });

  it('holds a change when the call returns: over the configuration, with its version, author and epoch', async () => {
    const { services, changes } = registry;
    const { epoch } = services;
    const first = await put('billing', { ...allowed, roles: ['auditor'], note: 'since the merger' });
    expect(first).toMatchObject({ isNew: true, isChanged: true });
    expect(first.service).toMatchObject({
      source: 'registry',
      version: 1,
      changed: { author: 'admin-client', requestId: 'request-1', at: new Date(NOW) },
    });
    expect(services.epoch).toBe(epoch + 1);
    expect([...ask(services, 'billing').roles]).toEqual(['auditor']);
    expect(await put('orders', denied)).toMatchObject({ isNew: false, service: { version: 1 } });
    expect(ask(services, 'orders')).toMatchObject({ allowed: false, reason: 'service orders is not allowed here' });
    expect(await changes.remove({ name: 'orders', requester })).toMatchObject({ source: 'configuration', version: 0 });
    expect(isLetIn(services, 'orders')).toBe(true);
    expect(await changes.remove({ name: 'billing', requester })).toBeUndefined();
    expect(isLetIn(services, 'billing')).toBe(false);
    // An entry that comes again goes on counting: an old version never means something new.
    expect((await put('billing', allowed)).service.version).toBe(3);
    expect(
      (await changes.history('billing', { limit: 10 })).map(({ version, terms }) => [version, terms?.state]),
    ).toEqual([
      [3, 'allowed'],
      [2, undefined],
      [1, 'allowed'],
    ]);
  });

  it('changes nothing when it is so already, and nothing that somebody else changed meanwhile', async () => {
    await put('billing', allowed, { expected: 'absent' });
    const { epoch } = registry.services;
    expect(await put('billing', { ...allowed, note: '' }, { expected: [7] })).toMatchObject({
      isChanged: false,
      service: { version: 1 },
    });
    expect(registry.services.epoch).toBe(epoch);
    const mismatch = { code: 'version_mismatch', status: 412 };
    const others: Expected[] = ['absent', [0], [2], []];
    for (const expected of others) await expect(put('billing', denied, { expected })).rejects.toMatchObject(mismatch);
    await expect(put('nowhere', denied, { expected: 'present' })).rejects.toMatchObject(mismatch);
    await expect(put('nowhere', denied, { expected: [0] })).rejects.toMatchObject(mismatch);
    expect((await put('orders', denied, { expected: [0] })).service.version).toBe(1);
    expect((await put('billing', denied, { expected: [1, 9] })).service.version).toBe(2);
    const { changes } = registry;
    await expect(changes.remove({ name: 'billing', requester, expected: [1] })).rejects.toMatchObject(mismatch);
    await expect(changes.remove({ name: 'nowhere', requester })).rejects.toMatchObject({ code: 'service_unknown' });
    await expect(changes.remove({ name: 'admin-client', requester })).rejects.toMatchObject({
      code: 'service_configured',
    });
    await expect(changes.history('nowhere', { limit: 1 })).rejects.toMatchObject({ code: 'service_unknown' });
  });

  it('makes one of two changes from the same version', async () => {
    await put('billing', allowed);
    const other = await open();
    const results = await Promise.allSettled([
      put('billing', denied, { expected: [1] }),
      other.changes.put({ name: 'billing', terms: { ...allowed, roles: ['admin'] }, requester, expected: [1] }),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await registry.changes.history('billing', { limit: 10 })).map(({ version }) => version)).toEqual([2, 1]);
  });

  it('answers a change with what it made, whatever comes right behind it', async () => {
    const other = await open();
    const results = await Promise.all([
      put('billing', denied),
      put('billing', { ...allowed, roles: ['auditor'] }),
      other.changes.put({ name: 'billing', terms: { ...allowed, note: 'elsewhere' }, requester }),
    ]);
    for (const { service } of results) {
      const [row] = await registry.changes.history('billing', { before: service.version + 1, limit: 1 });
      expect(service).toMatchObject({ version: row!.version, terms: row!.terms });
    }
    expect(results.map(({ service }) => service.version).sort()).toEqual([1, 2, 3]);
    const [removed] = await Promise.all([
      registry.changes.remove({ name: 'billing', requester }),
      put('billing', allowed),
    ]);
    expect(removed).toBeUndefined();
  });

  it('is in the audit record before a change and after it, and its rows stay', async () => {
    await put('billing', allowed);
    await expect(put('billing', denied, { expected: [9] })).rejects.toThrow();
    const rows = await place.query('select action, phase, actor, subject, detail from audit order by sequence');
    expect(rows.map(({ action, phase, actor, subject }) => [action, phase, actor, subject])).toEqual([
      ['service.change', 'intent', 'admin-client', 'billing'],
      ['service.change', 'result', 'admin-client', 'billing'],
    ]);
    expect(JSON.parse(String(rows[0]?.detail))).toMatchObject({ version: '1', state: 'allowed' });
    for (const statement of [`update service_change set state = 'denied'`, 'delete from service_change'])
      await expect(place.execute(statement)).rejects.toThrow('append-only');
    const store = stores[0]!;
    expect(await new AuditLog(store).verify()).toMatchObject({ ok: true, rows: 2 });
  });

  it('makes no change that cannot be recorded', async () => {
    await place.execute('drop table audit');
    await expect(put('billing', allowed)).rejects.toThrow();
    expect(await place.query('select name from service_change')).toEqual([]);
    expect(isLetIn(registry.services, 'billing')).toBe(false);
  });

  it('lets the most specific entry count, and both of a name and a SPIFFE ID', async () => {
    const { services } = registry;
    for (const [name, terms] of [
      ['team-*', allowed],
      ['team-b*', denied],
      ['team-bob', { ...allowed, roles: ['auditor'] }],
      ['spiffe://example.org/ns/*', { ...allowed, roles: ['admin'] }],
      ['spiffe://example.org/ns/secret/*', denied],
      ['spiffe://example.org/ns/secret/door', allowed],
    ] as const)
      await put(name, terms);
    const names = ['team-', 'team-a', 'team-b', 'team-ba', 'team-bob', 'team-bobby', 'team', 'teams-a'];
    // `team-b` goes on behind `team-`, and not behind `team-b`.
    expect(names.filter((name) => isLetIn(services, name))).toEqual(['team-a', 'team-b', 'team-bob']);
    const ids = [
      '',
      '/ns',
      '/ns/a',
      '/ns/a/b',
      '/nsa',
      '/ns/secret',
      '/ns/secret/a',
      '/ns/secret/door',
      '/ns/secret/door/a',
    ];
    expect(ids.filter((path) => isLetIn(services, 'nobody', { spiffeId: `spiffe://example.org${path}` }))).toEqual([
      '/ns/a',
      '/ns/a/b',
      '/ns/secret',
      '/ns/secret/door',
    ]);
    expect(isLetIn(services, 'nobody', { spiffeId: 'spiffe://example.org.evil/ns/a' })).toBe(false);
    // What is denied by one of its names is denied.
    expect(isLetIn(services, 'team-ba', { spiffeId: 'spiffe://example.org/ns/a' })).toBe(false);
    expect(isLetIn(services, 'team-bob', { spiffeId: 'spiffe://example.org/ns/secret/a' })).toBe(false);
    expect([...ask(services, 'team-bob', { spiffeId: 'spiffe://example.org/ns/a' }).roles].sort()).toEqual([
      'admin',
      'auditor',
    ]);
  });

  it('has entries for names as long as DNS allows them, of the configuration as well', async () => {
    const [label, store] = ['a'.repeat(63), stores[0]!];
    const name = [label, label, label, 'a'.repeat(61)].join('.');
    const configured = [{ name: `b.${label}.example`, roles: [] }];
    const { services, changes } = await openRegistry({ store, configured, roles: ROLES });
    expect(isLetIn(services, `b.${label}.example`)).toBe(true);
    for (const entry of [name, `${name.slice(0, 252)}*`]) await changes.put({ name: entry, terms: allowed, requester });
    expect(isLetIn(services, name)).toBe(true);
    const tooLong = changes.put({ name: `${name}a`, terms: allowed, requester });
    await expect(tooLong).rejects.toMatchObject({ code: 'registry_name_malformed' });
  });

  it('has no new entry for a trust domain itself, which nobody is: one would shut out nobody', async () => {
    const denial = put('spiffe://example.org', denied);
    await expect(denial).rejects.toMatchObject({ code: 'registry_name_malformed' });
    await expect(denial).rejects.toThrow('spiffe://example.org/*');
    await put('spiffe://example.org/*', denied);
  });

  it('opens and ends with the clock, for a connection that stays', async () => {
    const { services } = registry;
    const [begins, ends] = [{ validFrom: NOW + 1000 }, { validUntil: NOW + 2000 }];
    for (const [terms, answers] of [
      [{ ...begins, ...ends }, [false, false, true, true, false, true, false]],
      [begins, [false, false, true, true, true, true, false]],
      [ends, [true, true, true, true, false, true, true]],
    ] as const) {
      await put('billing', { ...allowed, ...terms });
      const identity = {};
      const at = (time: number) =>
        services.answer(
          identity,
          () => ({ service: 'billing', spiffeId: undefined, spkiSha256: () => PIN }),
          () => time,
        ).allowed;
      expect([0, 999, 1000, 1999, 2000, 1500, 500].map((after) => at(NOW + after))).toEqual(answers);
    }
  });

  it('asks for one of the pinned keys', async () => {
    const { services } = registry;
    await put('billing', { ...allowed, pins: [BACKUP, PIN] });
    expect(isLetIn(services, 'billing')).toBe(true);
    expect(isLetIn(services, 'billing', { spkiSha256: () => BACKUP })).toBe(true);
    expect(ask(services, 'billing', { spkiSha256: () => 'c'.repeat(64) })).toMatchObject({
      allowed: false,
      reason: 'service billing is not allowed here with this key',
    });
  });

  it('lets a shadow pass, with what its terms would say', async () => {
    const { services } = registry;
    await put('billing', { ...denied, state: 'shadow', tries: 'denied', roles: ['auditor'] });
    expect(ask(services, 'billing')).toMatchObject({
      allowed: true,
      shadow: { reason: 'service billing is not allowed here' },
    });
    expect([...ask(services, 'billing').roles]).toEqual(['auditor']);
    await put('billing', { ...allowed, state: 'shadow', tries: 'allowed', pins: [PIN, BACKUP] });
    expect(ask(services, 'billing')).toMatchObject({ allowed: true, shadow: undefined });
    expect(ask(services, 'billing', { spkiSha256: () => 'c'.repeat(64) })).toMatchObject({
      allowed: true,
      shadow: { reason: 'service billing is not allowed here with this key' },
    });
    // Another entry that refuses is not tried.
    await put('spiffe://example.org/*', denied);
    expect(isLetIn(services, 'billing', { spiffeId: 'spiffe://example.org/a' })).toBe(false);
  });

  it('acts on what another process changed, and tells which names', async () => {
    const events = new EventBus();
    const other = await open(events);
    const changed = new Promise<unknown>((resolve) => events.on('services.changed', resolve));
    // The database tells; a file has to be looked at.
    other.services.startPolling(kind === 'PostgreSQL' ? 3_600_000 : 10);
    await put('billing', allowed);
    expect(await changed).toEqual({ epoch: 1, names: ['billing'] });
    expect(isLetIn(other.services, 'billing')).toBe(true);
    other.services.stopPolling();
  });

  it('goes on with what it knows while the store cannot be read, and tells of it', async () => {
    await put('billing', allowed);
    const events = new EventBus();
    const other = await open(events);
    const failed = new Promise((resolve) => events.on('background.failed', resolve));
    await stores.at(-1)!.close();
    other.services.startPolling(10);
    expect(await failed).toMatchObject({ task: 'services.poll' });
    expect(isLetIn(other.services, 'billing')).toBe(true);
    other.services.stopPolling();
  });

  it('starts anew when an older store was put in its place', async () => {
    await put('orders', denied);
    await put('billing', allowed);
    await place.dropTrigger('service_change_is_not_deleted');
    await place.execute(
      `delete from service_change where name = 'billing'`,
      `delete from service_change where version = 1`,
    );
    await registry.services.refresh();
    expect([isLetIn(registry.services, 'billing'), isLetIn(registry.services, 'orders')]).toEqual([false, true]);
  });

  const row = (sequence: number, name: string, version: number, state: string) =>
    `(${sequence}, '${name}', ${version}, '${state}', null, '[]', null, null, '[]', null, null, null, 'test', 'test', 1)`;

  it('misses no change that is made while it reads', async () => {
    const rows = Array.from({ length: 1000 }, (_, i) => row(i + 2, `s-${i}`, 1, 'allowed'));
    await place.execute(`insert into service_change values ${[row(1, 'orders', 1, 'denied'), ...rows].join(', ')}`);
    const store = stores[0]!;
    let isFirst = true;
    const database = store.database.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        if (isFirst) await place.execute(`insert into service_change values ${row(1002, 'orders', 2, 'denied')}`);
        isFirst = false;
        return result;
      },
    });
    const meanwhile = Object.create(store, { database: { value: database } }) as Store;
    const { services } = await openRegistry({ store: meanwhile, configured: CONFIGURED, roles: ROLES });
    expect(services.size.names).toBe(1002);
    expect(isLetIn(services, 'orders')).toBe(false);
  });

  it('reads again for whoever asks while it reads, and has just made a change', async () => {
    const store = stores[0]!;
    let whileReading: (() => Promise<void>) | undefined;
    const database = store.database.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        const change = whileReading;
        whileReading = undefined;
        await change?.();
        return result;
      },
    });
    const meanwhile = Object.create(store, { database: { value: database } }) as Store;
    const { services } = await openRegistry({ store: meanwhile, configured: CONFIGURED, roles: ROLES });
    expect(isLetIn(services, 'orders')).toBe(true);
    let asked: Promise<void> | undefined;
    whileReading = async () => {
      await place.execute(`insert into service_change values ${row(1, 'orders', 1, 'denied')}`);
      asked = services.refresh();
    };
    await services.refresh();
    await asked;
    expect(isLetIn(services, 'orders')).toBe(false);
  });

  it('reads many, of each its last change', async () => {
    const rows = Array.from({ length: 2500 }, (_, i) => [
      row(2 * i + 1, `s-${i}`, 1, 'allowed'),
      row(2 * i + 2, `s-${i}`, 2, i % 2 === 0 ? 'denied' : 'allowed'),
    ]).flat();
    await place.execute(`insert into service_change values ${rows.join(', ')}`);
    await registry.services.refresh();
    expect(registry.services.size).toEqual({ names: 2502, patterns: 0 });
    expect([0, 1, 2498, 2499].map((i) => isLetIn(registry.services, `s-${i}`))).toEqual([false, true, false, true]);
  });

  it('computes an answer once for an identity, until something changes', async () => {
    const { services } = registry;
    const identity = {};
    const subjectOf = jest.fn(() => ({ service: 'orders', spiffeId: undefined, spkiSha256: () => PIN }));
    const answers = [1, 2, 3].map((time) => services.answer(identity, subjectOf, () => time));
    expect(new Set(answers).size).toBe(1);
    expect(subjectOf).toHaveBeenCalledTimes(1);
    await put('billing', allowed);
    services.answer(identity, subjectOf, () => 4);
    expect(subjectOf).toHaveBeenCalledTimes(2);
  });

  it('counts what would have been refused, of all processes together, and forgets what is long ago', async () => {
    const other = await open();
    const call = { service: 'billing', method: 'GET', route: '/orders/:id', code: 'service_not_allowed', reason: 'no' };
    registry.shadows.note(call, NOW - 100 * 86_400_000);
    await registry.shadows.flush();
    registry.shadows.note({ ...call, route: '/' }, NOW - 5);
    registry.shadows.note(call, NOW);
    registry.shadows.note(call, NOW + 1);
    await registry.shadows.flush();
    other.shadows.note({ ...call, reason: 'still no' }, NOW + 2);
    await other.shadows.flush();
    expect(await registry.shadows.list(10)).toEqual([
      { ...call, reason: 'still no', calls: 3, firstAt: new Date(NOW), lastAt: new Date(NOW + 2) },
      { ...call, route: '/', calls: 1, firstAt: new Date(NOW - 5), lastAt: new Date(NOW - 5) },
    ]);
    expect(await registry.shadows.list(1)).toHaveLength(1);
  });

  it('counts of no more than ten thousand kinds of calls, those that were seen last: a CA can make any number of services', async () => {
    const call = { method: 'GET', route: '/', code: 'service_not_allowed', reason: 'no' };
    const many = Array.from({ length: 10_500 }, (_, i) => ({
      ...call,
      ...{ service: `made-up-${i}`, calls: 1, first_at: NOW + i, last_at: NOW + i },
    }));
    await stores[0]!.transaction(async (transaction) => {
      for (let i = 0; i < many.length; i += 500)
        await transaction
          .insertInto('service_shadow')
          .values(many.slice(i, i + 500))
          .execute();
    });
    registry.shadows.note({ ...call, service: 'billing' }, NOW + 20_000);
    await registry.shadows.flush();
    const left = await registry.shadows.list(20_000);
    expect(left.length).toBeLessThanOrEqual(10_001);
    expect(left.map(({ service }) => service)).toEqual(expect.arrayContaining(['billing', 'made-up-10499']));
  });

  it('has another epoch when an entry begins or ends, without any change', async () => {
    await put('billing', { ...allowed, validFrom: NOW + 10, validUntil: NOW + 20 });
    await put('team-*', { ...allowed, validUntil: NOW + 30 });
    const { services } = registry;
    const epochs = [0, 9, 10, 19, 20, 25, 30, 31].map((passed) => services.epochAt(NOW + passed));
    const [first = 0] = epochs;
    expect(first).toBe(services.epoch - 3);
    expect(epochs.map((epoch) => epoch - first)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    await put('billing', denied);
    expect(services.epochAt(NOW + 31)).toBe(first + 4);
  });
});
