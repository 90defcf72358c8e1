import { expect, test } from '@jest/globals';
import { TestCa } from '../testing/index.js';
import { reservedNamesOf } from './reserved-names.js';

const reservedIn = (roles: { service: string; roles: 'admin'[] }[], registered: readonly string[] = []) =>
  reservedNamesOf({ roles, trustedProxies: [] }, { epoch: 1, namesWithRoles: () => registered }, () => undefined)();

test('a SPIFFE ID with roles is for administrators to have certified, as a name with roles is', () => {
  const reserved = reservedIn([
    { service: 'spiffe://prod.example/ns/Admin', roles: ['admin'] },
    { service: 'admin-client', roles: ['admin'] },
    { service: 'spiffe://prod.example/ns/nobody', roles: [] },
  ]);
  const isReserved = (value: string): boolean => reserved.firstIn([{ kind: 'uri', value }], undefined) !== undefined;
  expect(
    [
      'spiffe://prod.example/ns/Admin',
      'spiffe://prod.example/ns/admin',
      'spiffe://prod.example/ns/admin-client',
      'spiffe://prod.example/ns/nobody',
      'spiffe://prod.example/ns/billing',
    ].map(isReserved),
  ).toEqual([true, true, true, false, false]);
});

test('a service that is known by its SPIFFE ID has that certified, and no ID that only resembles it', () => {
  const reserved = reservedIn([], ['spiffe://prod.example/ns/*']);
  const own = 'spiffe://prod.example/ns/deployer';
  const asked = [own, 'spiffe://prod.example/ns/Deployer', 'spiffe://prod.example/ns/admin'];
  expect(asked.filter((value) => reserved.firstIn([{ kind: 'uri', value }], own) === undefined)).toEqual([own]);
});

test('the names of the listener are for nobody else, those that a wildcard of it stands for too, and those of the certificate that it has now', () => {
  const ca = TestCa.root();
  const withNames = (...names: string[]) =>
    ca.issue({ names: names.map((value) => ({ kind: 'dns', value })) }).certificate;
  let certificate = withNames('ca.example.org', '*.apps.example.org');
  const registry = { epoch: 1, namesWithRoles: () => [] };
  const reserved = reservedNamesOf({ roles: [], trustedProxies: [] }, registry, () => certificate);
  const refused = (): string[] =>
    ['ca.example.org', 'billing.apps.example.org', 'a.b.apps.example.org', 'next.example.org'].filter(
      (value) => reserved().firstIn([{ kind: 'dns', value }], undefined) !== undefined,
    );
  expect(refused()).toEqual(['ca.example.org', 'billing.apps.example.org']);
  certificate = withNames('next.example.org');
  expect(refused()).toEqual(['next.example.org']);
});
