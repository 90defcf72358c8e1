import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  CERTIFICATION_AUTHORITY,
  openCertificationAuthority,
  requestFor,
  type CertificationAuthority,
} from '../../src/pki/nest/index.js';
import { openStore } from '../../src/store/index.js';
import { callerOf, newKey, withCertificate, type Caller } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { temporaryFolder } from '../support/folder.js';
import { startIn } from '../support/service.js';
import { temporarySettings } from '../support/temporary-authority.js';

const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
let service: Awaited<ReturnType<typeof startIn>>;
let authority: CertificationAuthority;
/** Of the same CA, and in no row of its store: issued after the backup that the store was restored from. */
let forgotten: Pick<Caller, 'tls'>;
beforeAll(async () => {
  const folder = temporaryFolder();
  await (await startIn(folder)).close();
  const copy = temporaryFolder();
  cpSync(folder, copy, { recursive: true });
  const store = await openStore({ path: join(copy, 'var/veritas.db') });
  const other = await openCertificationAuthority({ settings: temporarySettings(copy), store });
  const key = newKey();
  const { chainPem } = await other.ca.issue({
    request: requestFor(key, 'veritas-worker'),
    profile: 'client',
    requester,
  });
  await store.close();
  service = await startIn(folder);
  authority = service.application.get<CertificationAuthority>(CERTIFICATION_AUTHORITY, { strict: false });
  forgotten = withCertificate(folder, key, chainPem);
});
afterAll(() => service.close());

const call = async ({ tls }: Pick<Caller, 'tls'>) => {
  expect((await get(service.ports.https, '/api/v1/whoami', tls)).status).toBe(200);
  await authority.sightings.flush();
};
const standing = async (id = 'issuing') => {
  const found = (await authority.rollover.status()).find((each) => each.id === id);
  if (!found) throw new Error(id);
  return found;
};

test('a peer that was let in is noted for its CA and the root above, and counts once by the store', async () => {
  expect((await standing()).lastSeen).toBeUndefined();
  const known = await callerOf(service, 'veritas-agent');
  const { usage } = await standing();
  const before = Date.now();
  await call(known);
  for (const id of ['issuing', 'root']) {
    const { lastSeen } = await standing(id);
    expect(lastSeen?.getTime()).toBeGreaterThanOrEqual(before);
  }
  expect((await standing()).usage).toEqual(usage);
});

test('one whose certificate the store does not list holds up the removal of its CA', async () => {
  const { usage } = await standing();
  await call(forgotten);
  await call(forgotten);
  expect(await standing()).toMatchObject({ usage: { valid: usage.valid + 1 } });
  expect((await standing('root')).services.map((each) => each.service)).toContain('veritas-worker');
  for (const step of ['prepare', 'publish', 'activate', 'retire'] as const)
    await authority.rollover.take({ step, requester });
  const { rows } = await authority.ca.list({ limit: 100, status: 'active' });
  for (const { serial, issuer } of rows)
    if (issuer === 'issuing') await authority.ca.revoke({ serialNumber: serial, requester });
  expect(await standing()).toMatchObject({ usage: { valid: 1 }, safeToRemove: false });
  await expect(authority.rollover.take({ step: 'remove', requester })).rejects.toMatchObject({
    code: 'rollover_premature',
    message: expect.stringContaining('1 valid certificate depends on issuing'),
  });
});

test('who is refused is not noted', async () => {
  // The listener takes up the new CA's certificate a moment after it was published.
  const good = await callerOf(service, 'veritas-agent');
  while ((await get(service.ports.https, '/api/v1/whoami', good.tls)).status !== 200) await delay(10);
  await authority.sightings.flush();
  const revoked = await callerOf(service, 'veritas-agent');
  await authority.ca.revoke({ serialNumber: revoked.serialNumber, requester });
  const { lastSeen } = await standing('issuing-2');
  expect((await get(service.ports.https, '/api/v1/whoami', revoked.tls)).json).toMatchObject({
    code: 'certificate_revoked',
  });
  await authority.sightings.flush();
  expect((await standing('issuing-2')).lastSeen).toEqual(lastSeen);
});
