import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { CERTIFICATION_AUTHORITY, type CertificationAuthority } from '../../src/pki/nest/index.js';
import { callerOf, csrOf, newKey, send, type Caller } from '../support/certificate-client.js';
import { temporaryFolder } from '../support/folder.js';
import { LogLines } from '../support/guarded-app.js';
import { startIn } from '../support/service.js';

const ROLES = [
  { service: 'admin-client', roles: ['admin'] },
  { service: 'deployer', roles: ['issuer'] },
];
const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
let service: Awaited<ReturnType<typeof startIn>>;
let authority: CertificationAuthority;
let callers: Record<'admin' | 'deployer' | 'worker', Caller>;
beforeAll(async () => {
  service = await startIn(temporaryFolder(), {
    VERITAS_MTLS_ROLES: JSON.stringify(ROLES),
    VERITAS_MTLS_SERVICES: 'admin-client,deployer,veritas-worker',
  });
  authority = service.application.get<CertificationAuthority>(CERTIFICATION_AUTHORITY, { strict: false });
  callers = {
    admin: await callerOf(service, 'admin-client'),
    deployer: await callerOf(service, 'deployer'),
    worker: await callerOf(service, 'veritas-worker'),
  };
  // Two roots, each certified by the other.
  for (const step of ['prepare', 'publish'] as const) await authority.rollover.take({ step, root: true, requester });
});
afterAll(() => service.close());

const plant = async (): Promise<string> => {
  const request = csrOf(newKey(), 'Plant 7 CA');
  return (await authority.ca.issueIntermediate({ request, requester })).certificate.serialNumber;
};
const crossCertificate = async (): Promise<string> => {
  const { rows } = await authority.ca.list({ limit: 100 });
  return rows.find(({ profile, status }) => profile === 'cross' && status !== 'revoked')?.serial ?? '';
};
const revoke = async (caller: Caller, serial: string, reason: string): Promise<unknown[]> => {
  const path = `/api/v1/certificates/${serial}/revocation`;
  const { status, json } = await send(service.ports.https, { method: 'POST', path, tls: caller.tls, body: { reason } });
  return [status, json.code ?? json.reason];
};

test.each<[string, () => Promise<string>]>([
  ['a CA whose key is elsewhere', plant],
  ['a cross-certificate', crossCertificate],
])('%s is revoked by administrators only, as a CA', async (_, made) => {
  const serial = await made();
  expect(await revoke(callers.deployer, serial, 'keyCompromise')).toEqual([403, 'route_not_allowed']);
  expect(await revoke(callers.worker, serial, 'keyCompromise')).toEqual([403, 'route_not_allowed']);
  expect(await revoke(callers.admin, serial, 'cACompromise')).toEqual([200, 'cACompromise']);
});

test('an administrator without the role issuer revokes nothing else, and nobody an end entity as a CA', async () => {
  const { serialNumber } = callers.worker;
  expect(await revoke(callers.admin, serialNumber, 'superseded')).toEqual([403, 'route_not_allowed']);
  expect(await revoke(callers.deployer, serialNumber, 'cACompromise')).toEqual([400, 'reason_not_allowed']);
});

test('the log says by whom the guard knows of a revocation: the registry, before any list', async () => {
  const victim = await callerOf(service, 'veritas-worker');
  expect(await revoke(callers.deployer, victim.serialNumber, 'superseded')).toEqual([200, 'superseded']);
  Logger.overrideLogger(LogLines.shared);
  const line = LogLines.shared.next('refused', { code: 'certificate_revoked' });
  const { status } = await send(service.ports.https, { method: 'GET', path: '/api/v1/test', tls: victim.tls });
  expect(status).toBe(403);
  expect(await line).toMatchObject({ evidence: { source: 'registry', revoked: victim.serialNumber } });
});
