import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { certificationRequest } from '../../../test/support/certification-request.js';
import { describeOnEachStore } from '../../../test/support/postgres.js';
import {
  openTemporaryAuthority,
  somebody,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { TestCa } from '../../testing/index.js';
import { decodeCertificate } from '../../x509/index.js';
import { UNREAD_LIMIT, RevocationRegistry } from './revocation-registry.js';
import { revocationReason, revocationReasons } from './reason.js';

describeOnEachStore('revocation', (_, newPlace) => {
  let temporary: TemporaryAuthority;
  beforeEach(async () => {
    temporary = await openTemporaryAuthority({ newPlace });
  });
  afterEach(() => temporary.close());

  const issue = async (): Promise<string> =>
    (await temporary.authority.ca.issue({ request: certificationRequest(), requester: somebody })).certificate
      .serialNumber;
  const revoke = (serialNumber: string, reason?: string) =>
    temporary.authority.ca.revoke({ serialNumber, reason, requester: somebody });

  it('is known when the call returns, raises the epoch once, and is told once', async () => {
    const { registry, ca, events } = temporary.authority;
    const told: unknown[] = [];
    events.on('certificate.revoked', (event) => told.push(event));
    events.on('revocations.changed', (event) => told.push(event));
    const serial = await issue();
    const issuer = ca.issuing.certificate;
    expect(registry.statusOf(issuer, serial)).toEqual({ status: 'good' });
    const first = await revoke(serial, 'keyCompromise');
    expect(first).toMatchObject({ serialNumber: serial, issuer: 'issuing', reason: 'keyCompromise', already: false });
    expect(registry.statusOf(issuer, serial)).toEqual({
      status: 'revoked',
      reason: 'keyCompromise',
      // To the second, as lists and answers say it.
      revokedAt: new Date(Math.floor(first.revokedAt.getTime() / 1000) * 1000),
    });
    expect(registry.epoch).toBe(1);
    const again = await revoke(serial, 'superseded');
    expect(again).toEqual({ ...first, already: true });
    expect(registry.epoch).toBe(1);
    expect(told).toEqual([{ epoch: 1 }, { ...first, already: false }]);
  });

  it('revokes once when asked twice at once', async () => {
    const serial = await issue();
    const other = await temporary.reopen({ create: false });
    const answers = await Promise.all([revoke(serial), other.ca.revoke({ serialNumber: serial, requester: somebody })]);
    expect(answers.map(({ already }) => already).sort()).toEqual([false, true]);
    expect((await temporary.authority.audit.verify()).ok).toBe(true);
  });

  it('refuses what cannot be revoked, and reasons that do not fit', async () => {
    const serial = await issue();
    const [root, issuing] = temporary.authority.ca.authorities;
    await expect(revoke('ff'.repeat(16))).rejects.toMatchObject({ code: 'serial_unknown', status: 404 });
    await expect(revoke(root!.certificate.serialNumber)).rejects.toMatchObject({ code: 'certificate_not_revocable' });
    for (const reason of ['removeFromCRL', 'aACompromise', 'cACompromise', 'KeyCompromise', '', '__proto__'])
      await expect(revoke(serial, reason)).rejects.toMatchObject({ code: 'reason_not_allowed' });
    expect(temporary.authority.registry.statusOf(issuing!.certificate, serial)).toEqual({ status: 'good' });
    await expect(revoke(issuing!.certificate.serialNumber, 'certificateHold')).rejects.toMatchObject({
      code: 'reason_not_allowed',
    });
    for (const reason of revocationReasons) expect(revocationReason(reason, reason === 'cACompromise')).toBe(reason);
  });

  it('does not answer for issuers that are not ours, even of the same name', async () => {
    const { registry, ca } = temporary.authority;
    const stranger = TestCa.root({ commonName: 'VERITAS Issuing CA' });
    expect(registry.statusOf(stranger.certificate, '01')).toEqual({ status: 'unknown', because: 'foreign_issuer' });
    // Another object of the same certificate is the same issuer.
    expect(registry.statusOf(decodeCertificate(ca.issuing.certificate.der), '01')).toEqual({ status: 'good' });
    // A CA is its name and its key, whoever else certified it: what it revoked is revoked by that path too.
    const { subject, publicKey } = ca.issuing.certificate;
    const keyPair = { publicKey: publicKey.keyObject, privateKey: TestCa.root().key };
    const crossed = TestCa.root({ commonName: 'Other Root' }).intermediate({ subject, keyPair }).certificate;
    const serial = await issue();
    expect(registry.statusOf(crossed, serial)).toEqual({ status: 'good' });
    await revoke(serial);
    expect(registry.statusOf(crossed, serial).status).toBe('revoked');
    const namesake = TestCa.root().intermediate({ subject }).certificate;
    expect(registry.statusOf(namesake, serial)).toEqual({ status: 'unknown', because: 'foreign_issuer' });
  });

  it('sees what another process revokes at the next poll', async () => {
    const { registry, ca, events } = temporary.authority;
    const serial = await issue();
    const other = await temporary.reopen({ create: false });
    const changed = new Promise((resolve) => events.on('revocations.changed', resolve));
    registry.startPolling(10);
    await other.ca.revoke({ serialNumber: serial, requester: somebody });
    await changed;
    expect(registry.statusOf(ca.issuing.certificate, serial).status).toBe('revoked');
    registry.stopPolling();
  });

  it.each(['starts', 'looks again'])('is known to who %s while its reason becomes a compromise', async (when) => {
    const { ca, events } = temporary.authority;
    const [earlier, serial] = [await issue(), await issue()];
    const other = await temporary.reopen({ create: false });
    let results = Number.NaN;
    const database = temporary.store.database.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        // The place of the last one takes three.
        if (++results === 3)
          await other.ca.revoke({ serialNumber: serial, reason: 'keyCompromise', requester: somebody });
        return result;
      },
    });
    const store = Object.create(temporary.store, { database: { value: database } }) as typeof temporary.store;
    const registry = new RevocationRegistry({ store, events, authorities: { all: ca.authorities } });
    await revoke(earlier);
    if (when === 'looks again') await registry.refresh();
    await revoke(serial, 'superseded');
    results = 0;
    await registry.refresh();
    expect(registry.statusOf(ca.issuing.certificate, serial)).toMatchObject({ reason: 'keyCompromise' });
  });

  it('starts anew when an older store was put in its place', async () => {
    const { registry, ca } = temporary.authority;
    const [one, two] = [await issue(), await issue()];
    await revoke(one);
    await revoke(two);
    await temporary.place.dropTrigger('certificate_stays_revoked');
    await temporary.place.execute(
      `update certificate set status = 'active', revoked_at = null, revocation_reason = null, revocation_sequence = null where serial = '${two}'`,
    );
    await registry.refresh();
    expect(registry.statusOf(ca.issuing.certificate, one).status).toBe('revoked');
    expect(registry.statusOf(ca.issuing.certificate, two).status).toBe('good');
    expect(registry.epoch).toBe(3);
  });

  it('lets nobody in by what it could read half of: an older store, a hold that was released and is there again', async () => {
    const { registry, ca } = temporary.authority;
    const statusOf = (serial: string) => registry.statusOf(ca.issuing.certificate, serial).status;
    const unread = async (serial: string): Promise<void> => {
      await temporary.place.execute(`update certificate set crl_entry = null where serial = '${serial}'`);
      await expect(registry.refresh()).rejects.toMatchObject({ code: 'store_corrupt' });
    };
    const [held, one, two] = [await issue(), await issue(), await issue()];
    await revoke(held, 'certificateHold');
    const other = await temporary.reopen({ create: false });
    await other.ca.release({ serialNumber: held, requester: somebody });
    await other.ca.revoke({ serialNumber: held, reason: 'certificateHold', requester: somebody });
    await unread(held);
    expect(statusOf(held)).toBe('revoked');
    await revoke(held, 'superseded');
    await revoke(one);
    await revoke(two);
    await temporary.place.dropTrigger('certificate_stays_revoked');
    await temporary.place.execute(
      `update certificate set status = 'active', revoked_at = null, revocation_reason = null, revocation_sequence = null where serial = '${two}'`,
    );
    await unread(one);
    expect([held, one, two].map(statusOf)).toEqual(['revoked', 'revoked', 'revoked']);
  });

  it('turns to unknown when the store was not read for too long, but for what is revoked', async () => {
    let time = 0;
    const { ca, events } = temporary.authority;
    const serial = await issue();
    await revoke(serial);
    const registry = new RevocationRegistry({
      store: temporary.store,
      events,
      authorities: { all: ca.authorities },
      monotonic: () => time,
    });
    const issuer = ca.issuing.certificate;
    expect(registry.statusOf(issuer, '01')).toEqual({ status: 'unknown', because: 'store_unread' });
    await registry.refresh();
    time = UNREAD_LIMIT;
    expect(registry.statusOf(issuer, '01').status).toBe('good');
    time++;
    expect(registry.statusOf(issuer, '01').status).toBe('unknown');
    expect(registry.statusOf(issuer, serial).status).toBe('revoked');
  });

  it('tells when it cannot poll, and answers for as long as it may', async () => {
    const other = await temporary.reopen({ create: false });
    const failed = new Promise((resolve) => other.events.on('background.failed', resolve));
    await other.store.close();
    other.registry.startPolling(10);
    expect(await failed).toMatchObject({ task: 'revocation.poll' });
    other.registry.stopPolling();
    expect(other.registry.statusOf(other.ca.issuing.certificate, '01').status).toBe('good');
  });
});
