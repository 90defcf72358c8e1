import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { certificationRequest } from '../../../test/support/certification-request.js';
import { describeOnEachStore, describeOnPostgres, EMPTY_STORE, postgresPlace } from '../../../test/support/postgres.js';
import {
  openTemporaryAuthority,
  somebody,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { forgetCrls, insertRevokedSerial, openStore, raiseCrlFloor, type Store } from '../../store/index.js';
import {
  algorithmIdentifier,
  ALL_REASONS,
  CrlReason,
  decodeCertificateList,
  distributionPointsOf,
  encodeRevokedCertificate,
  Oid,
  reasonsInScope,
  verifySignature,
} from '../../x509/index.js';
import type { CertificationAuthority, CertificationAuthorityOptions } from '../certification-authority.js';
import type { ProfileDefinition } from '../profile/profile-definition.js';
import { readPublished, type PublishedCrl } from './crl-publication.js';
import { CrlSchedule } from './crl-schedule.js';
import { CrlToken } from './crl-token.js';

const DAY = 86_400_000;

/** The same store, but for what is done otherwise. */
const storeWith = (store: Store, otherwise: Partial<Pick<Store, 'snapshot' | 'transaction'>>): Store =>
  new Proxy(store, {
    get: (target, key) => {
      const value: unknown = Reflect.get(otherwise, key) ?? Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });

describeOnEachStore('the CRL service', (_, newPlace) => {
  let temporary: TemporaryAuthority;
  let clock: Date;
  const now = () => clock;
  beforeEach(async () => {
    clock = new Date();
    temporary = await openTemporaryAuthority({ now, newPlace });
  });
  afterEach(() => temporary.close());

  const issueAndRevoke = async (authority: CertificationAuthority, reason: string): Promise<string> => {
    const { certificate } = await authority.ca.issue({ request: certificationRequest(), requester: somebody });
    await authority.ca.revoke({ serialNumber: certificate.serialNumber, reason, requester: somebody });
    return certificate.serialNumber;
  };
  const entriesOf = async (crl: PublishedCrl) => [
    ...decodeCertificateList(await readPublished(crl)).revokedCertificates(),
  ];

  /** A process with deltas that does something else before it reads the rows of its first list, or behind that. */
  const slowly = (
    meanwhile: Partial<Record<'before' | 'after', () => Promise<unknown>>>,
    more: Partial<CertificationAuthorityOptions> = {},
  ) => {
    const { store, settings } = temporary;
    const hooks = [meanwhile];
    const snapshot: Store['snapshot'] = async (work, options) => {
      const { before, after } = hooks.shift() ?? {};
      await before?.();
      const made = await store.snapshot(work, options);
      await after?.();
      return made;
    };
    const slow = storeWith(store, { snapshot });
    return temporary.reopen({ store: slow, settings: { ...settings, crlDeltaLifetime: 3600 }, ...more });
  };

  it('signs a list with number, dates, key identifier and the entries', async () => {
    const { authority } = temporary;
    const serial = await issueAndRevoke(authority, 'superseded');
    const plain = await issueAndRevoke(authority, 'unspecified');
    const published = await authority.crls.sign('issuing', somebody);
    const list = decodeCertificateList(await readPublished(published));
    const { certificate } = authority.ca.issuing;
    expect(verifySignature(list.signatureAlgorithm, certificate.publicKey, list.tbs, list.signature)).toBe(true);
    expect(list.extensions.crlNumber).toBe(1n);
    expect(list.extensions.authorityKeyIdentifier?.keyIdentifier).toEqual(certificate.extensions.subjectKeyIdentifier);
    expect(list.nextUpdate!.getTime() - list.thisUpdate.getTime()).toBe(DAY);
    expect(await entriesOf(published)).toMatchObject([
      { serialNumber: serial, reason: CrlReason.superseded },
      { serialNumber: plain, reason: undefined },
    ]);
    expect(authority.crls.current('issuing')).toEqual(published);
    expect(readFileSync(join(temporary.folder, 'var/crl/issuing.crl'))).toEqual(
      Buffer.from(await readPublished(published)),
    );
  });

  it('signs what is due and nothing else: first lists, before the end, after a revocation', async () => {
    const { crls } = temporary.authority;
    const due = async () => (await crls.publishIfDue()).map(({ issuer, number }) => `${issuer} ${number}`);
    expect(await due()).toEqual(['root 1', 'issuing 1']);
    expect(await due()).toEqual([]);
    await issueAndRevoke(temporary.authority, 'keyCompromise');
    expect(await due()).toEqual(['issuing 2']);
    clock = new Date(clock.getTime() + DAY / 2 - 2000);
    expect(await due()).toEqual([]);
    clock = new Date(clock.getTime() + 4000);
    expect(await due()).toEqual(['root 2', 'issuing 3']);
  });

  it('lists the issuing CA in the root list when that is revoked', async () => {
    const { ca, crls } = temporary.authority;
    const { serialNumber } = ca.issuing.certificate;
    await ca.revoke({ serialNumber, reason: 'cACompromise', requester: somebody });
    expect(await entriesOf(await crls.sign('root', somebody))).toMatchObject([{ serialNumber, reason: 2 }]);
    expect(await entriesOf(await crls.sign('issuing', somebody))).toEqual([]);
  });

  it('keeps an entry until one list after the certificate has ended (RFC 5280 §3.3)', async () => {
    const serial = await issueAndRevoke(temporary.authority, 'superseded');
    const { crls } = temporary.authority;
    const serials = async () =>
      (await entriesOf(await crls.sign('issuing', somebody))).map(({ serialNumber }) => serialNumber);
    expect(await serials()).toEqual([serial]);
    clock = new Date(clock.getTime() + 2 * DAY);
    expect(await serials()).toEqual([serial]);
    expect(await serials()).toEqual([]);
  });

  it('keeps an entry in each delta that goes with a base from before the certificate has ended', async () => {
    const authority = await temporary.reopen({ settings: { ...temporary.settings, crlDeltaLifetime: 3600 } });
    await authority.crls.publishIfDue();
    const { certificate } = await authority.ca.issue({
      request: certificationRequest(),
      requester: somebody,
      lifetime: 3600,
    });
    await authority.ca.revoke({ serialNumber: certificate.serialNumber, requester: somebody });
    for (const number of [3, 4, 5]) {
      await authority.crls.publishIfDue();
      const delta = authority.crls.current('issuing', 'delta')!;
      const entries = await entriesOf(delta);
      expect([delta.number, ...entries.map((each) => each.serialNumber)]).toEqual([number, certificate.serialNumber]);
      clock = new Date(clock.getTime() + DAY / 12);
    }
  });

  it('does not sign when the clock is before its last list', async () => {
    const { crls } = temporary.authority;
    await crls.sign('issuing', somebody);
    clock = new Date(clock.getTime() - DAY);
    await expect(crls.sign('issuing', somebody)).rejects.toMatchObject({ code: 'clock_behind' });
    expect(crls.current('issuing')?.number).toBe(1);
    await expect(crls.sign('nobody', somebody)).rejects.toMatchObject({ code: 'authority_missing' });
  });

  it('gives out rising numbers when two processes sign at once, and both serve the last', async () => {
    const other = await temporary.reopen({ create: false });
    const both = [temporary.authority, other];
    const signed = await Promise.all(Array.from({ length: 20 }, (_, i) => both[i % 2]!.crls.sign('issuing', somebody)));
    // What a call gives may be newer than what it signed: one that a newer one overtook is not placed.
    const rows = await temporary.store.database.selectFrom('crl').select('number').orderBy('number').execute();
    expect(rows.length).toBeLessThanOrEqual(10);
    expect(rows.at(-1)?.number).toBe(20);
    expect(Math.max(...signed.map(({ number }) => number))).toBe(20);
    for (const { crls } of both) await crls.load();
    for (const { crls } of both) expect(crls.current('issuing')?.number).toBe(20);
    const file = decodeCertificateList(readFileSync(join(temporary.folder, 'var/crl/issuing.crl')));
    expect(file.extensions.crlNumber).toBe(20n);
    expect(await temporary.authority.audit.verify()).toMatchObject({ ok: true });
  });

  it('signs once when two processes find it due at once', async () => {
    const other = await temporary.reopen({ create: false });
    const signed = await Promise.all([temporary.authority.crls.publishIfDue(), other.crls.publishIfDue()]);
    expect(
      signed
        .flat()
        .map(({ issuer }) => issuer)
        .sort(),
    ).toEqual(['issuing', 'root']);
  });

  it('signs behind whoever signed while it waited for its turn', async () => {
    const { store, authority } = temporary;
    let before = async (): Promise<unknown> => {
      clock = new Date(clock.getTime() + 5000);
      return authority.crls.sign('issuing', somebody);
    };
    const transaction: Store['transaction'] = async (work, whole) => {
      const first = before;
      before = () => Promise.resolve();
      await first();
      return store.transaction(work, whole);
    };
    const waiting = await temporary.reopen({ create: false });
    const { crls } = await temporary.reopen({ create: false, store: storeWith(waiting.store, { transaction }) });
    expect(await crls.sign('issuing', somebody)).toMatchObject({ number: 2 });
  });

  it('places no list behind one that another process dated later meanwhile', async () => {
    const [read, placed] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const behind = await slowly(
      {
        after: () => {
          read.resolve(undefined);
          return placed.promise;
        },
      },
      { now: () => new Date(clock.getTime() - 5000) },
    );
    let second: Promise<unknown> = Promise.resolve();
    const first = await slowly({
      before: () => {
        second = behind.crls.sign('issuing', somebody);
        return read.promise;
      },
    });
    await first.crls.sign('issuing', somebody);
    placed.resolve(undefined);
    await expect(second).rejects.toMatchObject({ code: 'clock_behind' });
    await behind.crls.load();
    expect(behind.crls.current('issuing')?.number).toBe(1);
  });

  it.each(['a lower number', 'fewer revocations'])(
    'places no list behind one that another process placed meanwhile: one with %s',
    async (what) => {
      const rows = async () =>
        (
          await temporary.store.database
            .selectFrom('crl')
            .select(['number', 'revocation_sequence as sequence'])
            .execute()
        ).map(({ number, sequence }) => [number, sequence]);
      const [read, placed] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
      const second = await slowly({
        after: () => {
          read.resolve(undefined);
          return placed.promise;
        },
      });
      let signed: Promise<unknown> = Promise.resolve();
      const first = await slowly({
        before: async () => {
          signed = second.crls.sign('issuing', somebody);
          if (what === 'a lower number') {
            placed.resolve(undefined);
            await signed;
          } else {
            // The first one has the lower number, and one revocation more.
            await read.promise;
            await issueAndRevoke(temporary.authority, 'superseded');
          }
        },
      });
      await first.crls.sign('issuing', somebody);
      placed.resolve(undefined);
      await signed;
      expect(await rows()).toEqual([what === 'a lower number' ? [2, 0] : [1, 1]]);
    },
  );

  it('signs for one issuer when the key of another is not there', async () => {
    rmSync(join(temporary.folder, 'certs/ca/root_ca.key.pem'));
    const other = await temporary.reopen({ create: false });
    await expect(other.crls.publishIfDue()).rejects.toMatchObject({ code: 'key_unreadable' });
    expect(other.crls.current('issuing')?.number).toBe(1);
    expect(other.crls.current('root')).toBeUndefined();
  });

  it('lists a serial number that was lost with its certificate in the complete list, the delta and every shard', async () => {
    const settings = { ...temporary.settings, crlDeltaLifetime: 3600, crlShards: 2 };
    const authority = await temporary.reopen({ settings });
    await authority.crls.publishIfDue();
    const serial = '41'.repeat(16);
    await temporary.store.transaction((transaction) =>
      insertRevokedSerial(transaction, {
        ...{ serial, issuer: 'issuing', reason: 'superseded' },
        notAfter: clock.getTime() + DAY,
        revokedAt: clock,
      }),
    );
    const due = (await authority.crls.publishIfDue()).map(({ scope }) => scope);
    expect(due.sort()).toEqual(['1', '2', 'delta']);
    await authority.crls.sign('issuing', somebody);
    for (const scope of ['complete', '1', '2'])
      expect(await entriesOf(authority.crls.current('issuing', scope)!)).toMatchObject([
        { serialNumber: serial, reason: CrlReason.superseded },
      ]);
    await authority.registry.refresh();
    expect(authority.registry.statusOf(authority.ca.issuing.certificate, serial).status).toBe('revoked');
  });

  it('signs the shard of what was revoked and no other, also once there are to be none any more', async () => {
    const shards = await temporary.reopen({ settings: { ...temporary.settings, crlShards: 3 } });
    await shards.crls.publishIfDue();
    const issued: string[] = [];
    for (let i = 0; i < 3; i++)
      issued.push(
        (await shards.ca.issue({ request: certificationRequest(), requester: somebody })).certificate.serialNumber,
      );
    for (const authority of [shards, temporary.authority]) {
      const serialNumber = issued.pop()!;
      await authority.ca.revoke({ serialNumber, requester: somebody });
      const [complete, shard, ...more] = await authority.crls.publishIfDue();
      expect([complete?.scope, shard?.scope, more]).toEqual([
        'complete',
        String((Number.parseInt(serialNumber.slice(-8), 16) % 3) + 1),
        [],
      ]);
      expect((await entriesOf(shard!)).map((each) => each.serialNumber)).toContain(serialNumber);
    }
    expect(temporary.authority.crls.served.map(({ scope }) => scope).sort()).toEqual([
      '1',
      '2',
      '3',
      'complete',
      'complete',
    ]);
  });

  it('names the shard by every place that certificates name it by', async () => {
    const profile = { name: 'elsewhere', purposes: ['serverAuth'], publicationUrl: 'http://crl.example.org/pki' };
    const settings = { ...temporary.settings, crlShards: 2, profiles: [profile as ProfileDefinition] };
    const { ca, crls } = await temporary.reopen({ settings });
    await crls.publishIfDue();
    const lists = ['1', '2'].map(async (scope) =>
      decodeCertificateList(await readPublished(crls.current('issuing', scope)!)),
    );
    for (const asked of [undefined, 'elsewhere']) {
      const request = certificationRequest();
      const { certificate } = await ca.issue({ request, profile: asked, requester: somebody });
      const [point] = distributionPointsOf(certificate);
      const inScope = (await Promise.all(lists)).filter(
        (list) => reasonsInScope(list, point!, certificate) === ALL_REASONS,
      );
      expect(inScope).toHaveLength(1);
    }
  });

  describe('when pki.publicationUrl, or that of a profile, is changed', () => {
    const openAt = (publicationUrl: string) =>
      temporary.reopen({ settings: { ...temporary.settings, crlShards: 2, publicationUrl } });
    const placesOf = async ({ crls }: CertificationAuthority, scope: string) => {
      const list = decodeCertificateList(await readPublished(crls.current('issuing', scope)!));
      const point = list.extensions.issuingDistributionPoint?.distributionPoint;
      const names = point && 'fullName' in point ? point.fullName : [];
      return names.map((name) => name.kind === 'uri' && name.value.replace('/crl/issuing', ''));
    };

    it('signs each shard again, by the new place and by those that certificates named before', async () => {
      const before = await openAt('http://a.test');
      await before.crls.publishIfDue();
      const issued = await before.ca.issue({ request: certificationRequest(), requester: somebody });
      const after = await openAt('http://b.test');
      const signed = await after.crls.publishIfDue();
      expect(signed.map(({ scope }) => scope)).toEqual(['1', '2']);
      const later = await after.ca.issue({ request: certificationRequest(), requester: somebody });
      for (const { certificate } of [issued, later]) {
        const [point] = distributionPointsOf(certificate);
        const lists = await Promise.all(
          ['1', '2'].map(async (scope) =>
            decodeCertificateList(await readPublished(after.crls.current('issuing', scope)!)),
          ),
        );
        expect(lists.filter((list) => reasonsInScope(list, point!, certificate) === ALL_REASONS)).toHaveLength(1);
      }
      expect(await placesOf(after, '1')).toEqual(['http://b.test/1.crl', 'http://a.test/1.crl']);
      // A process that has the old place still, as while nodes are restarted one by one, signs nothing for it, and drops none.
      const behind = await openAt('http://a.test');
      expect(await behind.crls.publishIfDue()).toEqual([]);
      await behind.crls.sign('issuing', somebody, '1');
      expect(await placesOf(behind, '1')).toEqual(['http://a.test/1.crl', 'http://b.test/1.crl']);
    });

    it('keeps the last eight of the earlier places', async () => {
      for (let i = 0; i < 10; i++) await (await openAt(`http://${i}.test`)).crls.publishIfDue();
      const places = await placesOf(await openAt('http://9.test'), '2');
      expect(places).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1].map((i) => `http://${i}.test/2.crl`));
    });

    it('keeps as many as there are now where profiles have more of their own, and two nodes do not sign in turn for ever', async () => {
      const openWith = (host: string) => {
        const profiles = Array.from({ length: 11 }, (_, i) => {
          const profile = { name: `p${i}`, purposes: ['serverAuth'], publicationUrl: `http://${host}.test/${i}` };
          return profile as ProfileDefinition;
        });
        return temporary.reopen({ settings: { ...temporary.settings, crlShards: 2, profiles } });
      };
      const before = await openWith('a');
      await before.crls.publishIfDue();
      const places = await placesOf(before, '1');
      expect(places).toHaveLength(12);
      const after = await openWith('b');
      await after.crls.publishIfDue();
      expect(await placesOf(after, '1')).toEqual(expect.arrayContaining(places));
      expect(await (await openWith('a')).crls.publishIfDue()).toEqual([]);
    });

    it('knows the earlier places after the lists are forgotten, as by restore', async () => {
      await (await openAt('http://a.test')).crls.publishIfDue();
      await temporary.store.transaction((transaction) => forgetCrls(transaction, 'issuing'));
      const after = await openAt('http://b.test');
      await after.crls.publishIfDue();
      expect(await placesOf(after, '1')).toEqual(['http://b.test/1.crl', 'http://a.test/1.crl']);
    });
  });

  it('has no delta any more when deltas are switched off: not served, not in the folder, and all of it in the complete list', async () => {
    const settings = { ...temporary.settings, crlDeltaLifetime: 3600 };
    const deltas = await temporary.reopen({ settings });
    await deltas.crls.publishIfDue();
    const revoked = await issueAndRevoke(deltas, 'superseded');
    await deltas.crls.publishIfDue();
    const folder = join(temporary.folder, 'var/crl/issuing');
    expect(readdirSync(folder)).toEqual(['delta.crl']);
    deltas.crls.close();
    const authority = await temporary.reopen();
    const { crls } = authority;
    expect(crls.current('issuing', 'delta')).toBeUndefined();
    await crls.publishIfDue();
    expect(crls.current('issuing', 'delta')).toBeUndefined();
    // It is not removed by a command, which may not have the settings of the service.
    expect(readdirSync(folder)).toEqual(['delta.crl']);
    const schedule = new CrlSchedule(authority);
    await schedule.start({ pollInterval: 60_000, sign: true });
    await schedule.stop();
    expect(readdirSync(folder)).toEqual([]);
    const { serialNumber } = (await entriesOf(crls.current('issuing')!)).at(-1)!;
    expect(serialNumber).toBe(revoked);
    // One that another process, which has deltas still, puts there afterwards goes as well.
    writeFileSync(join(folder, 'delta.crl'), 'left');
    await crls.withdrawDeltas();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('signs a complete list that names the delta when deltas are switched on: who reads the one before would hear of no revocation', async () => {
    const { certificate } = await temporary.authority.ca.issue({
      request: certificationRequest(),
      requester: somebody,
    });
    await temporary.authority.crls.publishIfDue();
    const settings = { ...temporary.settings, crlDeltaLifetime: 3600 };
    const { ca, crls } = await temporary.reopen({ settings });
    await ca.revoke({ serialNumber: certificate.serialNumber, requester: somebody });
    await crls.publishIfDue();
    const complete = decodeCertificateList(await readPublished(crls.current('issuing')!));
    expect(complete.extensions).toMatchObject({ crlNumber: 2n, freshestCrl: [expect.anything()] });
    const delta = decodeCertificateList(await readPublished(crls.current('issuing', 'delta')!));
    // It goes with the one before too, which has not ended.
    expect(delta.extensions).toMatchObject({ crlNumber: 3n, deltaCrlIndicator: 1n });
    expect(await crls.publishIfDue()).toEqual([]);
  });

  it('signs no delta that goes with nothing: its base comes first', async () => {
    const settings = { ...temporary.settings, crlDeltaLifetime: 3600 };
    const { crls } = await temporary.reopen({ settings });
    const delta = decodeCertificateList(await readPublished(await crls.sign('issuing', somebody, 'delta')));
    expect([delta.extensions.deltaCrlIndicator, delta.extensions.crlNumber]).toEqual([1n, 2n]);
    expect(crls.current('issuing')?.number).toBe(1);
  });

  it('says in a delta what was released since its base, and not before', async () => {
    const { ca, crls } = await temporary.reopen({ settings: { ...temporary.settings, crlDeltaLifetime: 3600 } });
    const serials: string[] = [];
    for (let i = 0; i < 2; i++) serials.push(await issueAndRevoke(temporary.authority, 'certificateHold'));
    const [before, since] = serials;
    await ca.release({ serialNumber: before!, requester: somebody });
    await crls.publishIfDue();
    expect(await entriesOf(crls.current('issuing', 'delta')!)).toEqual([]);
    await ca.release({ serialNumber: since!, requester: somebody });
    await crls.publishIfDue();
    expect(await entriesOf(crls.current('issuing', 'delta')!)).toMatchObject([
      { serialNumber: since, reason: CrlReason.removeFromCRL },
    ]);
  });

  it('signs no delta while its first base cannot be signed', async () => {
    const { store, settings } = temporary;
    let lists = 0;
    // The list of the root is the first.
    const snapshot: Store['snapshot'] = (work, options) =>
      ++lists === 2 ? Promise.reject(new Error('no room')) : store.snapshot(work, options);
    const { crls } = await temporary.reopen({
      store: storeWith(store, { snapshot }),
      settings: { ...settings, crlDeltaLifetime: 3600 },
    });
    await expect(crls.publishIfDue()).rejects.toThrow('no room');
    expect([lists, crls.current('issuing', 'delta')]).toEqual([2, undefined]);
    expect((await crls.publishIfDue()).map(({ scope }) => scope)).toEqual(['complete', 'delta']);
  });

  it('signs deltas that go with each complete list that has not ended: others may keep that until then', async () => {
    const authority = await temporary.reopen({ settings: { ...temporary.settings, crlDeltaLifetime: 3600 } });
    const numbersAfter = async (hours: number) => {
      clock = new Date(clock.getTime() + hours * 3_600_000);
      await authority.crls.publishIfDue();
      const [complete, delta] = ['complete', 'delta'].map((scope) => authority.crls.current('issuing', scope)!);
      const { deltaCrlIndicator: base } = decodeCertificateList(await readPublished(delta!)).extensions;
      const serials = (await entriesOf(delta!)).map(({ serialNumber }) => serialNumber);
      return { complete: complete!.number, base: Number(base), delta: delta!.number, serials };
    };
    expect(await numbersAfter(0)).toEqual({ complete: 1, base: 1, delta: 2, serials: [] });
    const serial = await issueAndRevoke(authority, 'keyCompromise');
    expect(await numbersAfter(0)).toEqual({ complete: 1, base: 1, delta: 3, serials: [serial] });
    // The first one is there for eleven hours more.
    expect(await numbersAfter(13)).toEqual({ complete: 4, base: 1, delta: 5, serials: [serial] });
    expect(await numbersAfter(10.9)).toEqual({ complete: 4, base: 1, delta: 6, serials: [serial] });
    expect(await numbersAfter(0.2)).toEqual({ complete: 4, base: 4, delta: 7, serials: [] });
    expect(await numbersAfter(0)).toEqual({ complete: 4, base: 4, delta: 7, serials: [] });
    // A node by whose clock the first one has not ended yet does not sign against the others.
    const behind = await temporary.reopen({
      settings: { ...temporary.settings, crlDeltaLifetime: 3600 },
      now: () => new Date(clock.getTime() - 0.3 * 3_600_000),
    });
    expect(await behind.crls.publishIfDue()).toEqual([]);
    // §5.2.4 (c): whoever has the complete list wants a delta with a higher number.
    await authority.crls.sign('issuing', somebody);
    expect(await numbersAfter(0)).toEqual({ complete: 8, base: 4, delta: 9, serials: [] });
  });

  it.each(['complete', 'delta'])(
    'says the newer by the higher number in complete lists and deltas, whoever signs them at once: %s placed last',
    async (last) => {
      const { ca, crls } = temporary.authority;
      const serialNumber = await issueAndRevoke(temporary.authority, 'certificateHold');
      await crls.publishIfDue();
      await ca.release({ serialNumber, requester: somebody });
      const [read, placed] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
      const deltas = await slowly({
        after: async () => {
          read.resolve(undefined);
          if (last === 'delta') await placed.promise;
        },
      });
      let delta: Promise<unknown> = Promise.resolve();
      // The complete list has the lower number, and the certificate as revoked for good; the delta takes it off the list.
      const lists = await slowly({
        before: async () => {
          delta = deltas.crls.sign('issuing', somebody, 'delta');
          await (last === 'delta' ? read.promise : delta);
          await ca.revoke({ serialNumber, reason: 'keyCompromise', requester: somebody });
        },
      });
      await lists.crls.sign('issuing', somebody);
      placed.resolve(undefined);
      await delta;
      const rows = await temporary.store.database
        .selectFrom('crl')
        .select(['scope', 'revocation_sequence as sequence'])
        .where('issuer', '=', 'issuing')
        .orderBy('number')
        .execute();
      expect(rows).toEqual(rows.toSorted((a, b) => a.sequence - b.sequence));
      expect(rows.map(({ scope }) => scope).sort()).toEqual(['complete', 'complete', 'delta']);
      expect(rows.map(({ sequence }) => sequence).sort()).toContain(3);
    },
  );

  it('numbers above the floor of a store that was restored', async () => {
    await temporary.store.transaction((transaction) => raiseCrlFloor(transaction, 'issuing', 1000));
    expect((await temporary.authority.crls.sign('issuing', somebody)).number).toBe(1001);
    expect((await temporary.authority.crls.sign('issuing', somebody)).number).toBe(1002);
  });

  it('numbers above the list that it serves, though the store that is in place now knows of none', async () => {
    const { crls } = temporary.authority;
    await crls.sign('issuing', somebody);
    await crls.sign('issuing', somebody);
    await temporary.place.execute('delete from crl', 'delete from crl_number');
    expect((await crls.sign('issuing', somebody)).number).toBe(3);
  });

  it('signs another list in the place of one that was in its file alone, and is gone', async () => {
    const { crls } = temporary.authority;
    await crls.publishIfDue();
    // The next one is taken for too large for its row.
    await temporary.place.query('update crl set octets = 2000000');
    await crls.sign('issuing', somebody);
    crls.close();
    rmSync(join(temporary.folder, 'var/crl/issuing.crl'));
    await temporary.place.execute('delete from crl_part');
    const other = await temporary.reopen();
    expect(other.crls.current('issuing')).toBeUndefined();
    expect((await other.crls.publishIfDue()).map(({ issuer, number }) => [issuer, number])).toEqual([['issuing', 3]]);
    expect(await other.crls.publishIfDue()).toEqual([]);
  });

  it('leaves no piece in the store of a list that could not be placed', async () => {
    const { authority, place, settings } = temporary;
    await authority.crls.sign('issuing', somebody);
    // The next one is taken for too large for its row.
    await place.query('update crl set octets = 2000000');
    const path = join(settings.crlDirectory ?? '', 'issuing.crl');
    rmSync(path);
    mkdirSync(join(path, 'in the way'), { recursive: true });
    await expect(authority.crls.sign('issuing', somebody)).rejects.toMatchObject({ code: 'file_unwritable' });
    expect(await place.query('select number from crl_part')).toEqual([]);
    rmSync(path, { recursive: true });
    expect((await authority.crls.sign('issuing', somebody)).number).toBe(3);
    expect(await place.query('select number from crl where sha256 is not null')).toHaveLength(1);
  });

  it('drops the pieces that a node left which was killed, and none of a list that may still be in the making', async () => {
    const { authority, place } = temporary;
    const pieces = async () => (await place.query('select number from crl_part')).map(({ number }) => Number(number));
    const after = async (minutes: number) => {
      clock = new Date(clock.getTime() + minutes * 60_000);
      await authority.crls.sign('issuing', somebody);
      return pieces();
    };
    await place.execute(`insert into crl_part (issuer, number, part, octets) values ('issuing', 90, 0, x'00')`);
    expect(await after(0)).toEqual([90]);
    expect(await after(9)).toEqual([90]);
    await place.execute(`insert into crl_part (issuer, number, part, octets) values ('issuing', 91, 0, x'00')`);
    expect(await after(2)).toEqual([91]);
    expect(await after(11)).toEqual([]);
  });

  it('gives a time to tell lists apart by to the first of each second alone', async () => {
    const { authority, reopen } = temporary;
    const sign = async () => (await authority.crls.sign('issuing', somebody)).lastModified;
    expect(await sign()).toEqual(new Date(Math.floor(clock.getTime() / 1000) * 1000));
    clock = new Date(Math.floor(clock.getTime() / 1000) * 1000 + 999);
    expect(await sign()).toBe(undefined);
    const again = await reopen();
    await again.crls.load();
    expect(again.crls.current('issuing')).toMatchObject({ number: 2, lastModified: undefined });
    clock = new Date(clock.getTime() + 1);
    expect(await sign()).toEqual(clock);
  });

  it('writes no files when no folder is named', async () => {
    const quiet = await temporary.reopen({ settings: { ...temporary.settings, crlDirectory: undefined! } });
    await quiet.crls.sign('issuing', somebody);
    expect(existsSync(join(temporary.folder, 'var/crl'))).toBe(false);
  });

  it('takes a token once, and none that does not rise', async () => {
    const { issuer } = temporary.authority.ca.issuing;
    const list = {
      algorithm: issuer.algorithm,
      number: 5,
      thisUpdate: clock,
      nextUpdate: new Date(clock.getTime() + DAY),
      previous: { number: 4, thisUpdate: clock },
    };
    const entry = (serial: string, reason: number) =>
      encodeRevokedCertificate({ serialNumber: Buffer.from(serial, 'hex'), revocationDate: new Date(0), reason });
    const make = (change: object = {}, entries: readonly Uint8Array[] = []) =>
      CrlToken.make(issuer.identity, { ...list, ...change }, entries);
    const token = await make();
    await issuer.signCrl(token);
    await expect(issuer.signCrl(token)).rejects.toMatchObject({ code: 'token_spent' });
    const root = temporary.authority.ca.authorities[0]!;
    await expect(root.issuer.signCrl(await make())).rejects.toMatchObject({ code: 'authority_mismatch' });
    await expect(make({ number: 4 })).rejects.toThrow('is not higher than the last one');
    await expect(make({ nextUpdate: clock })).rejects.toThrow('clock');
    const { superseded, removeFromCRL } = CrlReason;
    const twice = Buffer.concat([entry('01', superseded), entry('01', superseded)]);
    await expect(make({}, [twice])).rejects.toThrow('crl-entry-unique');
    await expect(make({}, [entry('00', superseded)])).rejects.toThrow('crl-entry-serial-number');
    await expect(make({}, [entry('01', removeFromCRL)])).rejects.toThrow('crl-entry-reason');
    await make({ base: 3 }, [entry('01', removeFromCRL)]);
    await expect(make({ algorithm: algorithmIdentifier(Oid.ed25519) })).rejects.toThrow('crl-signature-algorithm');
  });

  it('keeps a running process fresh: lists after revocations, here and elsewhere', async () => {
    const { authority } = temporary;
    const other = await temporary.reopen({ create: false });
    const schedule = new CrlSchedule(authority);
    const published = (number: number) =>
      new Promise<void>((resolve) => {
        const off = authority.events.on('crl.published', (event) => {
          if (event.issuer !== 'issuing' || event.number !== number) return;
          off();
          resolve();
        });
      });
    const first = published(1);
    await schedule.start({ pollInterval: 20, sign: true });
    await first;
    const serials: string[] = [];
    for (const number of [2, 3]) {
      const next = published(number);
      serials.push(await issueAndRevoke(other, 'keyCompromise'));
      await next;
      const entries = await entriesOf(authority.crls.current('issuing')!);
      expect(entries.map(({ serialNumber }) => serialNumber)).toEqual(serials);
    }
    await schedule.stop();
  });

  it('signs what was revoked a moment before it stops: nobody else would until the next start', async () => {
    const { authority } = temporary;
    const schedule = new CrlSchedule(authority);
    await schedule.start({ pollInterval: 60_000, sign: true });
    const serialNumber = await issueAndRevoke(authority, 'keyCompromise');
    await schedule.stop();
    expect(await entriesOf(authority.crls.current('issuing')!)).toMatchObject([{ serialNumber }]);
  });

  it('takes up a list that came together with its CA, though nothing changes any more', async () => {
    const { authority } = temporary;
    const other = await temporary.reopen({ create: false });
    for (const step of ['prepare', 'publish'] as const) await other.rollover.take({ step, requester: somebody });
    const { number } = other.crls.current('issuing-2')!;
    const schedule = new CrlSchedule(authority);
    await schedule.start({ pollInterval: 20, sign: false });
    while (authority.crls.current('issuing-2')?.number !== number) await setTimeout(5);
    await schedule.stop();
  });

  it.each([
    { crlLifetime: 60, crlOverlap: 2 },
    { crlLifetime: 3600, crlOverlap: 60, crlDeltaLifetime: 4 },
  ])('has the next list before the last one ends, however short its overlap: %j', async (lists) => {
    const { crls, ...rest } = await temporary.reopen({ settings: { ...temporary.settings, ...lists } });
    const scope = lists.crlDeltaLifetime === undefined ? 'complete' : 'delta';
    const schedule = new CrlSchedule({ crls, ...rest });
    await schedule.start({ pollInterval: 20, sign: true });
    const first = crls.current('issuing', scope)!;
    const next = new Promise<number>((resolve) => {
      rest.events.on('crl.published', (event) => {
        if (event.issuer === 'issuing' && event.scope === scope) resolve(event.number);
      });
    });
    clock = new Date(first.nextUpdate.getTime() - 2000);
    expect(await next).toBeGreaterThan(first.number);
    await schedule.stop();
  });

  it('tells what fails in the background, and goes on', async () => {
    const { authority } = temporary;
    const failed = new Promise((resolve) => authority.events.on('background.failed', resolve));
    clock = new Date(0);
    await temporary.authority.crls.publishIfDue().catch(() => undefined);
    clock = new Date(authority.ca.issuing.certificate.notBefore.getTime() + 5000);
    await authority.crls.sign('issuing', somebody);
    await issueAndRevoke(authority, 'superseded');
    clock = new Date(clock.getTime() - 60_000);
    const schedule = new CrlSchedule(authority);
    await schedule.start({ pollInterval: 20, sign: true });
    expect(await failed).toMatchObject({ task: 'crl.publish', error: { code: 'clock_behind' } });
    await schedule.stop();
  });
});

describeOnPostgres('a node whose clock is ahead', () => {
  it('revokes and signs by the clock of the database, and so holds up no other node and passes over nobody', async () => {
    const shared = await openTemporaryAuthority({ newPlace: () => postgresPlace(undefined, EMPTY_STORE) });
    const store = await openStore(shared.place.options);
    const ahead = await shared.reopen({ store, now: () => new Date(Date.now() + 30 * 3600_000) });
    const issue = async () => {
      const request = certificationRequest();
      return (await shared.authority.ca.issue({ request, requester: somebody, lifetime: 3600 })).certificate;
    };
    const [one, other] = [await issue(), await issue()];
    await ahead.ca.revoke({ serialNumber: one.serialNumber, requester: somebody });
    expect(await ahead.ca.revokeAll({ selection: { service: 'orders' }, requester: somebody })).toBe(1);
    const list = await ahead.crls.sign('issuing', somebody);
    expect(list.thisUpdate.getTime()).toBeLessThanOrEqual(Date.now());
    const listed = [...decodeCertificateList(await readPublished(list)).revokedCertificates()];
    expect(listed.map(({ serialNumber }) => serialNumber).sort()).toEqual(
      [one, other].map(({ serialNumber }) => serialNumber).sort(),
    );
    for (const { revocationDate } of listed) expect(revocationDate.getTime()).toBeLessThanOrEqual(Date.now());
    expect(await shared.authority.crls.sign('issuing', somebody)).toMatchObject({ number: 2 });
    // By its own clock everything would be due.
    expect((await ahead.crls.publishIfDue()).map(({ issuer }) => issuer)).toEqual(['root']);
    expect(await ahead.crls.publishIfDue()).toEqual([]);
    await store.close();
    await shared.close();
  });
});
