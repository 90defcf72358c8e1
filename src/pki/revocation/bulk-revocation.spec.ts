import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { certificationRequest } from '../../../test/support/certification-request.js';
import { temporaryFolder } from '../../../test/support/folder.js';
import { describeOnEachStore, type StorePlace } from '../../../test/support/postgres.js';
import { somebody, temporarySettings } from '../../../test/support/temporary-authority.js';
import { listAudit, openStore, type Store } from '../../store/index.js';
import { generateTestKeyPair } from '../../testing/index.js';
import { CrlReason, decodeCertificateList, type Certificate } from '../../x509/index.js';
import { openCertificationAuthority, type CertificationAuthority } from '../certification-authority.js';
import { readPublished } from '../crl/crl-publication.js';
import { keyDigest } from '../issuance/accepted-request.js';

// Seconds.
const GRACE = 3600;

describeOnEachStore('revoking many, and lists with shards and deltas', (_, newPlace) => {
  let place: StorePlace;
  let store: Store;
  let authority: CertificationAuthority;
  beforeEach(async () => {
    const folder = temporaryFolder();
    place = await newPlace();
    store = await openStore(place.options);
    const settings = { ...temporarySettings(folder), crlShards: 3, crlDeltaLifetime: 3600, renewalGrace: GRACE };
    authority = await openCertificationAuthority({ settings, store, create: true });
  });
  afterEach(async () => {
    await store.close();
    await place.remove();
  });

  const issue = async (service: string, profile = 'service'): Promise<Certificate> => {
    const request = certificationRequest({ commonName: service });
    return (await authority.ca.issue({ request, profile, service, requester: somebody })).certificate;
  };
  const revokeAll = (selection: object, more: object = {}) =>
    authority.ca.revokeAll({ selection, requester: somebody, ...more });
  const statusOf = ({ serialNumber }: Certificate): string => {
    const answer = authority.registry.statusOf(authority.ca.issuing.certificate, serialNumber);
    return answer.status === 'revoked' ? answer.reason : answer.status;
  };
  const listed = async (scope: string): Promise<Record<string, number | undefined>> => {
    const list = decodeCertificateList(await readPublished(authority.crls.current('issuing', scope)!));
    return Object.fromEntries(
      [...list.revokedCertificates()].map(({ serialNumber, reason }) => [serialNumber, reason]),
    );
  };

  it('revokes by service, profile, issuer and key, once; holds and releases; and every list says so', async () => {
    const { ca, crls, audit } = authority;
    const [a, b, c, d] = [
      await issue('orders'),
      await issue('orders', 'client'),
      await issue('billing'),
      await issue('billing', 'client'),
    ];
    const told: string[] = [];
    for (const name of ['certificate.revoked', 'certificate.released'] as const)
      authority.events.on(name, ({ serialNumber }) => told.push(`${name} ${serialNumber}`));
    await crls.publishIfDue(somebody);
    expect(await revokeAll({ service: 'orders' }, { reason: 'certificateHold' })).toBe(2);
    expect(await revokeAll({ service: 'orders' }, { reason: 'certificateHold' })).toBe(0);
    expect([a, b, c, d].map(statusOf)).toEqual(['certificateHold', 'certificateHold', 'good', 'good']);
    await crls.publishIfDue(somebody);
    expect(await listed('delta')).toEqual({
      [a.serialNumber]: CrlReason.certificateHold,
      [b.serialNumber]: CrlReason.certificateHold,
    });
    expect(await listed('complete')).toEqual({});
    expect(await revokeAll({ service: 'orders', profile: 'client' }, { release: true })).toBe(1);
    expect(
      await revokeAll(
        { spkiSha256: keyDigest(c.publicKey.der) },
        { reason: 'keyCompromise', invalidityDate: new Date(0) },
      ),
    ).toBe(1);
    expect(await revokeAll({ profile: 'service' }, { reason: 'superseded' })).toBe(1);
    expect([a, b, c, d].map(statusOf)).toEqual(['superseded', 'good', 'keyCompromise', 'good']);
    expect(told.slice(2)).toEqual([
      `certificate.released ${b.serialNumber}`,
      `certificate.revoked ${c.serialNumber}`,
      `certificate.revoked ${a.serialNumber}`,
    ]);
    const released = (await listAudit(store.database, 0, 1_000)).filter(({ action }) => action.includes('.release'));
    expect(released.map(({ action, phase, subject, detail }) => [action, phase, subject, detail])).toEqual([
      ['certificates.release', 'intent', 'service orders profile client', '{}'],
      ['certificate.release', 'result', b.serialNumber, '{}'],
      ['certificates.release', 'result', 'service orders profile client', '{"certificates":"1"}'],
    ]);
    await crls.publishIfDue(somebody);
    const { superseded, removeFromCRL, keyCompromise } = CrlReason;
    const now = { [a.serialNumber]: superseded, [c.serialNumber]: keyCompromise };
    expect(await listed('delta')).toEqual({ ...now, [b.serialNumber]: removeFromCRL });
    await crls.sign('issuing', somebody);
    expect(await listed('complete')).toEqual(now);
    const shards = [await listed('1'), await listed('2'), await listed('3')];
    expect(Object.assign({}, ...shards)).toEqual(now);
    expect(await revokeAll({ issuer: 'issuing' })).toBe(2);
    // A CA below, whose key is elsewhere, is a CA as well, and none of these puts one on hold.
    const { privateKey: key } = generateTestKeyPair();
    const request = certificationRequest({ commonName: 'Plant CA', key });
    const { certificate: plant } = await ca.issueIntermediate({ request, requester: somebody });
    expect(await revokeAll({ issuer: 'root' }, { reason: 'certificateHold' })).toBe(0);
    expect(await ca.find(plant.serialNumber)).toMatchObject({ status: 'active' });
    await expect(ca.release({ serialNumber: a.serialNumber, requester: somebody })).rejects.toMatchObject({
      code: 'revocation_final',
    });
    await expect(revokeAll({}, { reason: 'cACompromise' })).rejects.toMatchObject({ code: 'reason_not_allowed' });
    const tomorrow = new Date(Date.now() + 86_400_000);
    await expect(revokeAll({}, { invalidityDate: tomorrow })).rejects.toMatchObject({
      code: 'invalidity_date_not_allowed',
    });
    expect(await audit.verify()).toMatchObject({ ok: true });
    const list = decodeCertificateList(await readPublished(crls.current('issuing')!));
    const dates = [...list.revokedCertificates()].map(({ invalidityDate }) => invalidityDate?.getTime());
    expect(dates.filter((date) => date === 0)).toHaveLength(1);
  });

  it.each(['keyCompromise', 'certificateHold'])(
    'leaves nothing good that was renewed while it went on, for %s: neither before nor behind where it was',
    async (reason) => {
      const { ca } = authority;
      const held = await issue('stolen');
      const holder = { serialNumber: held.serialNumber, fingerprint256: held.fingerprint256 };
      const renewed: Certificate[] = [];
      const renew = async ({ serialNumber, fingerprint256 }: typeof holder, lifetime?: number): Promise<void> => {
        const request = certificationRequest({ commonName: 'stolen' });
        const by = { serialNumber, fingerprint256 };
        renewed.push((await ca.issueToHolder({ request, holder: by, lifetime, requester: somebody })).certificate);
      };
      const clock = store.clock.bind(store);
      let asked = 0;
      // Asked between the look at what there is and the change of it.
      jest.spyOn(store, 'clock').mockImplementation(async () => {
        if (++asked === 2) for (const lifetime of [60, undefined]) await renew(holder, lifetime);
        // And once more, by who was given one of those, while they are changed.
        else if (renewed.length === 2) await renew(renewed[0]!);
        return clock();
      });
      expect(await revokeAll({ service: 'stolen' }, { reason })).toBe(4);
      expect([held, ...renewed].map(statusOf)).toEqual([reason, reason, reason, reason]);
    },
  );

  it('ends, though others are issued to all the time', async () => {
    await issue('orders');
    const clock = store.clock.bind(store);
    const others: Certificate[] = [];
    jest.spyOn(store, 'clock').mockImplementation(async () => {
      if (others.length < 20) others.push(await issue(`other-${others.length}`));
      return clock();
    });
    await revokeAll({ profile: 'service' }, { reason: 'superseded' });
    expect(others.length).toBeLessThan(20);
  });

  it('revokes what has ended and could be renewed, and nothing that ended before that', async () => {
    const { ca } = authority;
    const [lately, longAgo] = [await issue('sleeper'), await issue('sleeper')];
    for (const [{ serialNumber }, ago] of [
      [lately, GRACE / 2],
      [longAgo, GRACE * 2],
    ] as const)
      await place.execute(
        `update certificate set not_after = ${Date.now() - ago * 1000} where serial = '${serialNumber}'`,
      );
    expect(await revokeAll({ service: 'sleeper' }, { reason: 'keyCompromise' })).toBe(1);
    const holder = { serialNumber: lately.serialNumber, fingerprint256: lately.fingerprint256 };
    const request = certificationRequest({ commonName: 'sleeper' });
    await expect(ca.renew({ request, holder, requester: somebody })).rejects.toMatchObject({ code: 'not_the_holder' });
    expect(await ca.find(longAgo.serialNumber)).toMatchObject({ status: 'active' });
    await authority.crls.sign('issuing', somebody);
    expect(await listed('complete')).toEqual({ [lately.serialNumber]: CrlReason.keyCompromise });
  });

  it('keeps the invalidity date of a hold that becomes final, unless another is said; the record has each', async () => {
    const { ca } = authority;
    const [a, b, c] = [await issue('dated'), await issue('dated'), await issue('dated')];
    const held = { reason: 'certificateHold', invalidityDate: new Date(1_000) };
    expect(await revokeAll({ service: 'dated' }, held)).toBe(3);
    const one = { serialNumber: a.serialNumber, reason: 'superseded', requester: somebody };
    await ca.revoke(one);
    await ca.revoke({ ...one, serialNumber: b.serialNumber, invalidityDate: new Date(2_000) });
    expect(await revokeAll({ service: 'dated' }, { reason: 'superseded' })).toBe(1);
    const dates = await Promise.all(
      [a, b, c].map(async ({ serialNumber }) => (await ca.find(serialNumber))?.invalidity_date),
    );
    expect(dates).toEqual([1_000, 2_000, 1_000]);
    const rows = await listAudit(store.database, 0, 1_000);
    const told = rows.filter(({ detail }) => detail.includes(held.invalidityDate.toISOString()));
    // Of the hold: what was meant, and of each certificate what became of it.
    expect(told.map(({ phase }) => phase)).toEqual(['intent', 'result', 'result', 'result']);
  });

  it('learns of a compromise after a revocation for another reason: the date stays, the lists and the key know', async () => {
    const { ca, crls } = authority;
    const { privateKey: key } = generateTestKeyPair();
    const request = certificationRequest({ commonName: 'stolen', key });
    const [a, b] = [
      (await ca.issue({ request, profile: 'service', requester: somebody })).certificate,
      (await ca.issue({ request, profile: 'client', requester: somebody })).certificate,
    ];
    expect(await revokeAll({ service: 'stolen' }, { reason: 'superseded' })).toBe(2);
    await crls.publishIfDue(somebody);
    const revokedAt = (await ca.find(a.serialNumber))?.revoked_at;
    const again = { serialNumber: a.serialNumber, requester: somebody };
    expect(await ca.revoke({ ...again, reason: 'cessationOfOperation' })).toMatchObject({ already: true });
    expect(await ca.revoke({ ...again, reason: 'keyCompromise' })).toMatchObject({
      already: false,
      reason: 'keyCompromise',
      revokedAt: new Date(revokedAt ?? 0),
    });
    const ofKey = { spkiSha256: keyDigest(a.publicKey.der) };
    expect(await revokeAll(ofKey, { reason: 'keyCompromise', invalidityDate: new Date(1_000) })).toBe(1);
    expect(await ca.find(b.serialNumber)).toMatchObject({ invalidity_date: 1_000 });
    expect(await revokeAll(ofKey, { reason: 'superseded' })).toBe(0);
    expect(await revokeAll(ofKey, { reason: 'certificateHold' })).toBe(0);
    expect([a, b].map(statusOf)).toEqual(['keyCompromise', 'keyCompromise']);
    await expect(ca.issue({ request, requester: somebody })).rejects.toMatchObject({ code: 'key_compromised' });
    await crls.publishIfDue(somebody);
    const { keyCompromise } = CrlReason;
    const now = { [a.serialNumber]: keyCompromise, [b.serialNumber]: keyCompromise };
    expect(await listed('delta')).toEqual(now);
    const shards = [await listed('1'), await listed('2'), await listed('3')];
    expect(Object.assign({}, ...shards)).toEqual(now);
  });

  it('looks at each certificate once, those that it revokes as well, and knows of how many', async () => {
    for (const service of ['orders', 'orders', 'orders']) await issue(service);
    const ended = [await issue('orders'), await issue('orders')].map(({ serialNumber }) => `'${serialNumber}'`);
    await place.execute(`update certificate set not_after = 1000 where serial in (${ended.join(', ')})`);
    await issue('billing');
    expect(await revokeAll({ service: 'orders' }, { reason: 'superseded' })).toBe(3);
    await issue('orders');
    const told: number[][] = [];
    const onProgress = (...each: number[]): unknown => told.push(each);
    expect(await revokeAll({ service: 'orders' }, { reason: 'superseded', onProgress })).toBe(1);
    expect(told.at(-1)).toEqual([4, 4]);
  });

  it('goes on behind the first five hundred, though it means none of them', async () => {
    const [first, last] = [await issue('many', 'client'), await issue('many')];
    const more = 'with recursive n (i) as (select 1000 union all select i + 1 from n where i < 1498)';
    const same = `issuer, profile, service, subject, not_before, not_after, spki_sha256, der, requester, request_id, issued_at, status`;
    await place.execute(
      `insert into serial (serial, reserved_at) ${more} select '00' || i, 0 from n`,
      `insert into certificate (serial, fingerprint, ${same}) ${more}
       select '00' || i, '00' || i, ${same} from certificate, n where serial = '${first.serialNumber}'`,
    );
    const told: number[][] = [];
    const onProgress = (...each: number[]): unknown => told.push(each);
    const selection = { service: 'many', profile: 'service' };
    expect(await revokeAll(selection, { reason: 'superseded', onProgress })).toBe(1);
    expect(statusOf(last)).toBe('superseded');
    expect(told).toEqual([
      [0, 501],
      [500, 501],
      [501, 501],
    ]);
  });

  it('leaves as it is what somebody else revoked between the look and the change, but not what it was renewed to', async () => {
    const { ca } = authority;
    const { serialNumber, fingerprint256 } = await issue('orders');
    const clock = store.clock.bind(store);
    let asked = 0;
    let renewed: Certificate | undefined;
    jest.spyOn(store, 'clock').mockImplementation(async () => {
      if (++asked === 2) {
        const request = certificationRequest({ commonName: 'orders' });
        const holder = { serialNumber, fingerprint256 };
        renewed = (await ca.issueToHolder({ request, holder, requester: somebody })).certificate;
        await ca.revoke({ serialNumber, reason: 'keyCompromise', requester: somebody });
      }
      return clock();
    });
    expect(await revokeAll({ service: 'orders' }, { reason: 'superseded' })).toBe(1);
    expect(await ca.find(serialNumber)).toMatchObject({ revocation_reason: 'keyCompromise' });
    expect(statusOf(renewed!)).toBe('superseded');
  });

  it('refuses to publish a list that lacks what somebody was told of', async () => {
    const { ca, crls, revocations } = authority;
    const certificate = await issue('orders');
    await ca.revoke({ serialNumber: certificate.serialNumber, requester: somebody });
    const before = (await crls.sign('issuing', somebody)).number;
    // As when the rows that are read are older than those that were written.
    await revocations.acknowledge('issuing', 1_000);
    await expect(crls.sign('issuing', somebody)).rejects.toMatchObject({ code: 'crl_not_fresh' });
    expect(crls.current('issuing')?.number).toBe(before);
  });
});
