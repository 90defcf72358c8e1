import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CaService, EnrollmentService } from '../../src/pki/index.js';
import { decodeCertificate, decodePem, generalNameToString } from '../../src/x509/index.js';
import { callerOf, csrOf, newKey, send, withCertificate, type Caller } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { temporaryFolder } from '../support/folder.js';
import { startIn } from '../support/service.js';

const PATH = '/api/v1/certificates';
const ROLES = [
  { service: 'admin-client', roles: ['admin', 'issuer', 'auditor'] },
  { service: 'deployer', roles: ['issuer'] },
  { service: 'other-deployer', roles: ['issuer'] },
  { service: 'Audit-Reader', roles: ['auditor'] },
  { service: 'inspector', roles: ['auditor'] },
  { service: 'monitoring-service', roles: ['metrics'] },
];
const PROFILES = [
  {
    name: 'web',
    purposes: ['serverAuth', 'clientAuth'],
    maximumLifetime: '1d',
    names: { dns: ['.example.org'] },
    requesters: [
      { service: 'deployer', services: ['web-*', 'edge'], dns: ['.web.example.org'], ip: ['10.0.0.0/8'] },
      { role: 'auditor', services: ['*'] },
    ],
  },
  { name: 'sealed', purposes: ['clientAuth'], maximumLifetime: '1d', requesters: [] },
];
let service: Awaited<ReturnType<typeof startIn>>;
let admin: Caller;
let deployer: Caller;
let other: Caller;
beforeAll(async () => {
  service = await startIn(temporaryFolder(), {
    VERITAS_MTLS_ROLES: JSON.stringify(ROLES),
    VERITAS_MTLS_SERVICES: ROLES.map((entry) => entry.service).join(),
    VERITAS_PKI_PROFILES: JSON.stringify(PROFILES),
  });
  [admin, deployer, other] = [
    await callerOf(service, 'admin-client'),
    await callerOf(service, 'deployer'),
    await callerOf(service, 'other-deployer'),
  ];
});
afterAll(() => service.close());

const ask = (caller: Caller, name: string, more: object = {}, headers: Record<string, string> = {}) =>
  send(service.ports.https, {
    method: 'POST',
    path: PATH,
    tls: caller.tls,
    body: { csr: csrOf(newKey(), name), ...more },
    headers,
  });
const outcome = ({ status, json }: Awaited<ReturnType<typeof ask>>) => [status, json.code];
const REFUSED = [403, 'requester_not_allowed'];

describe('the role issuer makes no administrator, and nobody else that others rely on', () => {
  test.each<[string, string, object]>([
    ['the name of an administrator', 'admin-client', {}],
    ['the name of a service with any role', 'monitoring-service', {}],
    ['another issuer', 'other-deployer', {}],
    ['a name that differs in capitals only', 'x', { names: ['DNS:audit-reader'] }],
    ['an administrator as a DNS name', 'billing', { names: ['DNS:billing.local', 'DNS:admin-client'] }],
    ['an administrator as a host', 'billing', { names: ['URI:https://admin-client/app'] }],
    [
      'the SPIFFE ID of an administrator',
      'billing',
      { profile: 'spiffe', names: ['URI:spiffe://example.org/ns/prod/sa/admin-client'] },
    ],
    [
      'a SPIFFE ID, in the name of an administrator',
      'admin-client',
      { profile: 'spiffe', names: ['URI:spiffe://example.org/billing'] },
    ],
    ['the name of the CA itself', 'veritas.local', { profile: 'server' }],
    ['another name of the CA', 'billing', { profile: 'server', names: ['DNS:localhost'] }],
    ['an address of the CA', 'billing', { profile: 'server', names: ['IP:127.0.0.1'] }],
    ['who answers for the CA', 'responder', { profile: 'ocsp-responder' }],
    ['who signs lists for the CA', 'lists', { profile: 'crl-issuer' }],
  ])('%s: refused, and had by an administrator', async (_, name, more) => {
    expect(outcome(await ask(deployer, name, more))).toEqual(REFUSED);
    expect((await ask(admin, name, more)).status).toBe(201);
  });

  test('its own name, and those that nobody relies on, are given', async () => {
    for (const name of ['deployer', 'billing', 'admin-client-2', 'localhost.example.org'])
      expect([name, (await ask(deployer, name)).status]).toEqual([name, 201]);
  });

  test('what an administrator was given under an Idempotency-Key is given to nobody else', async () => {
    const csr = csrOf(newKey(), 'monitoring-service');
    const headers = { 'idempotency-key': 'shared' };
    expect((await ask(admin, '', { csr }, headers)).status).toBe(201);
    expect(outcome(await ask(deployer, '', { csr }, headers))).toEqual(REFUSED);
  });

  test('who has a certificate of a service with roles renews it', async () => {
    const old = await callerOf(service, 'monitoring-service');
    const key = newKey();
    const body = { csr: csrOf(key, 'monitoring-service') };
    const renewed = await send(service.ports.https, { method: 'POST', path: `${PATH}/renewal`, tls: old.tls, body });
    expect(renewed.status).toBe(201);
    const { tls } = withCertificate(service.folder, key, String(renewed.json.chain));
    expect((await get(service.ports.https, '/api/v1/whoami', tls)).json).toMatchObject({ roles: ['metrics'] });
  });

  test('no token either, and no certificate by being called through the library', async () => {
    const [ca, enrollment] = [CaService, EnrollmentService].map((part) =>
      service.application.get<CaService | EnrollmentService>(part, { strict: false }),
    ) as [CaService, EnrollmentService];
    const standing = { service: 'deployer', roles: new Set(['issuer']) };
    for (const requester of [
      { actor: 'deployer', requestId: 'test', standing },
      { actor: 'cli:root', requestId: 'test' },
    ]) {
      const refused = { code: 'requester_not_allowed' };
      await expect(enrollment.createToken({ service: 'admin-client', requester })).rejects.toMatchObject(refused);
      const request = csrOf(newKey(), 'admin-client');
      await expect(ca.issue({ request, requester })).rejects.toMatchObject(refused);
      const ruled = { request: csrOf(newKey(), 'db-1'), profile: 'web' };
      await expect(ca.issue({ ...ruled, requester })).rejects.toMatchObject(refused);
    }
  });
});

test('each role opens its own routes, and no other', async () => {
  const auditor = await callerOf(service, 'inspector');
  const path = `${PATH}/${(await callerOf(service, 'billing')).serialNumber}`;
  const asked = async (caller: Caller): Promise<number[]> => {
    const statuses = [];
    for (const request of [
      { method: 'GET', path: PATH },
      { method: 'GET', path },
      { method: 'POST', path: `${path}/revocation`, body: { reason: 'certificateHold' } },
      { method: 'GET', path: '/api/v1/services' },
      { method: 'PUT', path: '/api/v1/services/billing', body: { state: 'allowed' } },
    ])
      statuses.push((await send(service.ports.https, { ...request, tls: caller.tls })).status);
    return statuses;
  };
  expect(await asked(auditor)).toEqual([200, 200, 403, 403, 403]);
  expect(outcome(await ask(auditor, 'billing', { service: 'billing' }))).toEqual([403, 'not_the_holder']);
  expect(await asked(deployer)).toEqual([403, 403, 200, 403, 403]);
});

describe('rules for requesters', () => {
  test('give the services and names that they say, and no other', async () => {
    const given = await ask(deployer, 'web-1', {
      profile: 'web',
      names: ['DNS:a.web.example.org', 'DNS:web-1', 'IP:10.1.2.3'],
    });
    const [leaf] = decodePem(String(given.json.chain));
    const { subjectAltName } = decodeCertificate(leaf?.octets ?? new Uint8Array()).extensions;
    expect(subjectAltName?.map(generalNameToString)).toEqual(['DNS:web-1', 'DNS:a.web.example.org', 'IP:10.1.2.3']);
    expect((await ask(deployer, 'edge', { profile: 'web' })).status).toBe(201);
  });

  test.each<[string, () => Caller, string, object]>([
    ['a service of another name', () => deployer, 'db-1', { profile: 'web' }],
    ['a service whose name only begins like an exact one', () => deployer, 'edge-2', { profile: 'web' }],
    [
      'a name that the profile gives and the rule does not',
      () => deployer,
      'web-1',
      { profile: 'web', names: ['DNS:db.example.org'] },
    ],
    [
      'a kind of name that the rule does not give',
      () => deployer,
      'web-1',
      { profile: 'web', names: ['URI:https://db.example.org/a'] },
    ],
    ['another requester', () => other, 'web-1', { profile: 'web' }],
    ['its own name, for who is in no rule', () => other, 'other-deployer', { profile: 'web' }],
    ['a profile that is for administrators', () => deployer, 'billing', { profile: 'sealed' }],
  ])('%s: refused', async (_, caller, name, more) => {
    expect(outcome(await ask(caller(), name, more))).toEqual(REFUSED);
  });

  test('a rule for a role; administrators need none, and the profile holds for them too', async () => {
    const reader = { actor: 'reader', requestId: 'test', standing: { service: 'reader', roles: new Set(['auditor']) } };
    const ca = service.application.get(CaService, { strict: false });
    const issue = (name: string) => ca.issue({ request: csrOf(newKey(), name), profile: 'web', requester: reader });
    expect((await issue('anything')).certificate.serialNumber).toMatch(/^[0-9a-f]+$/);
    await expect(issue('monitoring-service')).rejects.toMatchObject({ code: 'requester_not_allowed' });
    expect((await ask(admin, 'db-1', { profile: 'web', names: ['DNS:db.example.org'] })).status).toBe(201);
    expect(outcome(await ask(admin, 'db-1', { profile: 'web', names: ['DNS:db.example.com'] }))).toEqual([
      400,
      'name_not_allowed',
    ]);
  });

  test.each<[string, object, RegExp]>([
    ['neither service nor role', { services: ['*'] }, /requesters\[0\]\.service.*either a service or a role/s],
    [
      'both',
      { service: 'a', role: 'issuer', services: ['*'] },
      /requesters\[0\]\.service.*either a service or a role/s,
    ],
    ['no services', { role: 'issuer', services: [] }, /requesters\[0\]\.services/],
    ['a role that there is not', { role: 'root', services: ['*'] }, /requesters\[0\]\.role/],
    ['a pattern in the middle', { role: 'issuer', services: ['a*b'] }, /requesters\[0\]\.services/],
  ])('%s stops the start, and says where', async (_, rule, message) => {
    const profiles = JSON.stringify([{ ...PROFILES[1], requesters: [rule] }]);
    await expect(async () => startIn(temporaryFolder(), { VERITAS_PKI_PROFILES: profiles })).rejects.toThrow(message);
  });
});
