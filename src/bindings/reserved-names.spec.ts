import { expect, test } from '@jest/globals';
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
