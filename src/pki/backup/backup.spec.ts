import { generateKeyPairSync, hash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeOnEachStore, type StorePlace } from '../../../test/support/postgres.js';
import { temporaryFolder } from '../../../test/support/folder.js';
import { somebody, temporarySettings } from '../../../test/support/temporary-authority.js';
import {
  countRows,
  insertRevokedSerial,
  listAudit,
  openStore,
  reserveSerial,
  SCHEMA,
  tablePages,
  tableShapes,
  type Database,
  type Store,
} from '../../store/index.js';
import { decodeCertificateList } from '../../x509/index.js';
import { openCertificationAuthority, type CertificationAuthority } from '../certification-authority.js';
import { readPublished } from '../crl/crl-publication.js';
import { requestFor } from '../issuance/own-request.js';
import type { PkiSettings } from '../pki-settings.js';
import { encryptForAge } from './age-file.js';
import { encodeRow, type BackupFile } from './backup-format.js';
import { BackupReader } from './backup-reader.js';
import { backUp } from './backup-writer.js';
import type { PublishedList } from './published-crl.js';
import { restore, type RestoreOptions } from './restore.js';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { privateKey: lostKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** Everything that holds files or connections, ended after each spec. */
const endings: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function opened(options: Parameters<typeof openStore>[0]): Promise<Store> {
  const store = await openStore(options);
  endings.push(() => store.close());
  return store;
}

/** A CA's folder of its own. */
function newFolder(): PkiSettings {
  const folder = temporaryFolder();
  endings.push(() => {
    rmSync(folder, { recursive: true });
  });
  return temporarySettings(folder);
}

async function issue({ ca }: CertificationAuthority, service: string, key = privateKey): Promise<string> {
  const { certificate } = await ca.issue({ request: requestFor(key, service), requester: somebody });
  return certificate.serialNumber;
}

async function octetsOfBackup(store: Store, settings: PkiSettings): Promise<Buffer> {
  const pieces: Buffer[] = [];
  await backUp({ store, settings, requester: somebody, now: () => new Date() }, async ({ octets }) => {
    for await (const piece of octets) pieces.push(piece);
  });
  return Buffer.concat(pieces);
}

async function* inPieces(octets: Buffer): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < octets.length; i += 1000) yield await Promise.resolve(octets.subarray(i, i + 1000));
}

function putFiles(settings: PkiSettings, files: readonly BackupFile[]): void {
  for (const { file, contents } of files) writeFileSync(join(settings.directory, file), contents, { mode: 0o600 });
}

interface Place {
  readonly settings: PkiSettings;
  readonly options: Parameters<typeof openStore>[0];
}

/** Restores `octets` into `place`, and puts the keys there. */
async function restoreInto(
  { settings, options }: Place,
  octets: Buffer,
  more: Partial<RestoreOptions> & { readonly keys?: boolean } = {},
) {
  const { keys = true, ...rest } = more;
  const reader = await BackupReader.open(inPieces(octets));
  const store = await openStore({ ...options, bare: true });
  let files: readonly BackupFile[] = [];
  try {
    const restored = await restore(reader, {
      ...{
        store,
        settings,
        published: [],
        apply: false,
        withoutCrl: false,
        requester: somebody,
        now: () => new Date(),
      },
      prepare: (prepared) => {
        files = prepared;
      },
      ...rest,
    });
    if (keys) putFiles(settings, files);
    return restored;
  } finally {
    await store.close();
  }
}

/** All rows, as lines, but for those of some tables. */
async function linesOf(database: Database, without: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const shape of await tableShapes(database))
    if (!without.includes(shape.name))
      for await (const rows of tablePages(database, shape))
        lines.push(...rows.map((row) => encodeRow({ ...shape, name: shape.name }, row)));
  return lines.sort();
}

/** A CA that has signed its first lists: what the others are restored from. */
let template: Promise<{ octets: Buffer; published: PublishedList[]; passphrase: Buffer }> | undefined;

async function makeTemplate() {
  const settings = temporarySettings(temporaryFolder());
  const folder = dirname(settings.crlDirectory ?? '');
  const store = await openStore({ path: join(folder, 'veritas.db') });
  const { crls } = await openCertificationAuthority({ settings, store, create: true });
  await crls.publishIfDue();
  const octets = await octetsOfBackup(store, settings);
  await store.close();
  const passphrase = readFileSync(settings.passphraseFile);
  const published = listsOf(settings);
  rmSync(dirname(folder), { recursive: true });
  return { octets, published, passphrase };
}

const listsOf = ({ crlDirectory = '' }: PkiSettings): PublishedList[] =>
  ['root', 'issuing'].map((id) => ({ source: `${id}.crl`, octets: readFileSync(join(crlDirectory, `${id}.crl`)) }));

describeOnEachStore('a backup', (_, newPlace) => {
  let origin: StorePlace & { readonly store: Store; readonly settings: PkiSettings };
  let authority: CertificationAuthority;
  let places: StorePlace[];

  beforeEach(async () => {
    // Making keys takes time on purpose: one CA is made, the others are restored from it.
    const { octets, published, passphrase } = await (template ??= makeTemplate());
    places = [await newPlace('nothing')];
    const [place] = places;
    if (!place) throw new Error('there is no place');
    const settings = newFolder();
    mkdirSync(settings.directory, { recursive: true, mode: 0o700 });
    await restoreInto({ settings, options: place.options }, octets, { published });
    writeFileSync(settings.passphraseFile, passphrase, { mode: 0o600 });
    const store = await opened(place.options);
    origin = { ...place, store, settings };
    authority = await openCertificationAuthority({ settings, store });
  });
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
    for (const place of places) await place.remove();
  });

  /** An empty place. */
  const elsewhere = async (): Promise<Place> => {
    const place = await newPlace('nothing');
    places.push(place);
    const settings = newFolder();
    mkdirSync(settings.directory, { recursive: true, mode: 0o700 });
    return { settings, options: place.options };
  };
  const putPassphrase = ({ settings }: Place): void => {
    copyFileSync(origin.settings.passphraseFile, settings.passphraseFile);
  };
  const publishedNow = (): PublishedList[] => listsOf(origin.settings);
  const backup = () => octetsOfBackup(origin.store, origin.settings);
  const openedAt = async (place: Place): Promise<CertificationAuthority> => {
    putPassphrase(place);
    return openCertificationAuthority({ settings: place.settings, store: await opened(place.options) });
  };
  const revoke = (serialNumber: string, reason = 'keyCompromise', invalidityDate?: Date) =>
    authority.ca.revoke({ serialNumber, reason, invalidityDate, requester: somebody });

  it('comes back whole, and the record goes on where it ended', async () => {
    await authority.enrollment.createToken({ service: 'billing', profile: 'client', requester: somebody });
    await revoke(await issue(authority, 'orders'), 'superseded');
    await authority.crls.publishIfDue();
    const octets = await backup();
    // From either store into SQLite; from SQLite into either is how each of these specs begins.
    const place = { settings: newFolder(), options: { path: join(newFolder().directory, 'veritas.db') } };
    mkdirSync(place.settings.directory, { recursive: true, mode: 0o700 });
    putPassphrase(place);
    const restored = await restoreInto(place, octets, { published: publishedNow() });
    expect(restored.keysOpened).toBe(true);
    const there = await openedAt(place);
    // The record goes on, and no token is good any more.
    const changed = ['audit', 'audit_head', 'enrollment_token'];
    expect(await linesOf(there.store.database, changed)).toEqual(await linesOf(origin.store.database, changed));
    expect(await there.audit.verify()).toMatchObject({ ok: true });
    const head = restored.manifest.audit_head;
    const added = await listAudit(there.store.database, head.sequence, 10);
    expect(added.map(({ action, phase }) => `${action} ${phase}`)).toEqual(['restore intent', 'restore result']);
    expect(added[0]?.previous_hash).toBe(head.hash);
    expect(JSON.parse(added[1]?.detail ?? '')).toMatchObject({ audit_hash: head.hash, crl_issuing: '2 published' });
    // The record of the origin says the same of the backup.
    const said = await listAudit(origin.store.database, head.sequence - 1, 10);
    expect(said.map(({ action, phase }) => `${action} ${phase}`)).toEqual(['backup intent', 'backup result']);
    expect(JSON.parse(said[1]?.detail ?? '')).toMatchObject({ audit_hash: head.hash });
    expect(await issue(there, 'orders')).toMatch(/^[0-9a-f]+$/);
    expect((await there.crls.sign('issuing', somebody)).number).toBe(3);
  });

  it('gives no token back: whether one was traded after the backup is not in it', async () => {
    const { enrollment } = authority;
    const trade = (of: CertificationAuthority, token: string) =>
      of.enrollment.enroll({ token, request: () => requestFor(privateKey, 'billing').der, requestId: 'r' });
    const make = async () => (await enrollment.createToken({ service: 'billing', requester: somebody })).token;
    const [before, after] = [await make(), await make()];
    const { certificate } = await trade(authority, before);
    const octets = await backup();
    await trade(authority, after);
    const place = await elsewhere();
    // Whatever the clock says at that moment.
    await restoreInto(place, octets, { published: publishedNow(), now: () => new Date(Date.now() + 3_600_000) });
    const there = await openedAt(place);
    await expect(trade(there, after)).rejects.toMatchObject({ code: 'token_not_valid' });
    expect((await trade(there, before)).certificate.serialNumber).toBe(certificate.serialNumber);
  });

  it('is of one moment: what is committed while it is written is not in it, and nobody waits', async () => {
    const before = await issue(authority, 'before');
    let during = '';
    const pieces: Buffer[] = [];
    const { settings, store } = origin;
    await backUp({ store, settings, requester: somebody, now: () => new Date() }, async ({ octets }) => {
      for await (const piece of octets) {
        pieces.push(piece);
        if (during === '') during = await issue(authority, 'during');
      }
    });
    const text = Buffer.concat(pieces).toString();
    expect([text.includes(before), text.includes(during)]).toEqual([true, false]);
    const place = await elsewhere();
    await restoreInto(place, Buffer.concat(pieces), { published: publishedNow() });
    expect(await (await openedAt(place)).audit.verify()).toMatchObject({ ok: true });
  });

  it('does not take back a revocation, and catches up when it is told to', async () => {
    const known = await issue(authority, 'orders');
    const octets = await backup();
    const lost = await issue(authority, 'billing', lostKey);
    await revoke(known, 'keyCompromise', new Date('2026-01-02T03:04:05Z'));
    await authority.crls.publishIfDue();
    await revoke(lost, 'superseded', new Date('2026-02-03T04:05:06Z'));
    await authority.crls.publishIfDue();
    const place = await elsewhere();
    const published = publishedNow();
    await expect(restoreInto(place, octets, { published })).rejects.toMatchObject({
      code: 'would_unrevoke',
      message: expect.stringMatching(new RegExp(`list 3 of issuing .*${known}.*${lost}.* ends with list 1`)),
    });
    const restored = await restoreInto(place, octets, { published, apply: true });
    expect(restored.issuers.find(({ id }) => id === 'issuing')).toEqual({
      id: 'issuing',
      comparedWith: { source: 'issuing.crl', number: 3 },
      crlNumber: 3,
      revoked: [known],
      lost: [lost],
    });
    const there = await openedAt(place);
    const recorded = await listAudit(there.store.database, restored.manifest.audit_head.sequence, 10);
    expect(recorded.map(({ action, subject, detail }) => [action, subject, detail])).toEqual([
      ['restore', 'store', expect.anything()],
      ['certificate.revoke', known, expect.stringMatching(/"certificate_known":"yes"/)],
      ['certificate.revoke', lost, expect.stringMatching(/"certificate_known":"no"/)],
      ['restore', 'store', expect.anything()],
    ]);
    // Until the next one is signed, the published list is served.
    expect(await readPublished(there.crls.current('issuing')!)).toEqual(Buffer.from(published[1]!.octets));
    const { certificate: issuer } = there.ca.issuing;
    expect(there.registry.statusOf(issuer, known)).toMatchObject({ status: 'revoked', reason: 'keyCompromise' });
    expect(there.registry.statusOf(issuer, lost)).toMatchObject({ status: 'revoked', reason: 'superseded' });
    const [next] = await there.crls.publishIfDue();
    const entries = [...decodeCertificateList(await readPublished(next!)).revokedCertificates()];
    const times = [...decodeCertificateList(published[1]!.octets).revokedCertificates()];
    expect([next?.number, entries]).toEqual([4, times]);
    const taken = await there.store.transaction((transaction) => reserveSerial(transaction, lost, new Date()));
    expect(taken).toBe(false);
    // The order of revocations goes on above them, and a compromised key stays one.
    const another = await issue(there, 'frontend', lostKey);
    await there.ca.revoke({ serialNumber: another, requester: somebody });
    const { database } = there.store;
    const sequences = await database
      .selectFrom('certificate')
      .select(['serial', 'revocation_sequence'])
      .where('revocation_sequence', 'is not', null)
      .unionAll(database.selectFrom('revoked_serial').select(['serial', 'revocation_sequence']))
      .orderBy('revocation_sequence')
      .execute();
    expect(sequences.map(({ serial, revocation_sequence: sequence }) => [serial, sequence])).toEqual([[known, 1], [lost, 2], [another, 3]]); // prettier-ignore
    await expect(issue(there, 'orders')).rejects.toMatchObject({ code: 'key_compromised' });
    expect(await there.audit.verify()).toMatchObject({ ok: true });
    // A backup of what was restored holds all of it.
    const second = await elsewhere();
    await there.crls.publishIfDue();
    const lists = [
      ...publishedNow().slice(0, 1),
      { source: 'next', octets: await readPublished(there.crls.current('issuing')!) },
    ];
    await restoreInto(second, await octetsOfBackup(there.store, place.settings), { published: lists });
    expect((await openedAt(second)).registry.statusOf(issuer, lost).status).toBe('revoked');
  });

  it('takes what the delta and the shards say on top of the complete list, and goes on above their numbers', async () => {
    const settings = { ...origin.settings, crlDeltaLifetime: 3600, crlShards: 2 };
    const { store } = origin;
    const before = await openCertificationAuthority({ settings, store });
    const [held, released, final, worse, good] = [
      await issue(before, 'held'),
      await issue(before, 'released'),
      await issue(before, 'final'),
      await issue(before, 'worse'),
      await issue(before, 'good'),
    ];
    const mark = (serialNumber: string, reason: string) =>
      before.ca.revoke({ serialNumber, reason, requester: somebody });
    await mark(final, 'certificateHold');
    await mark(worse, 'superseded');
    await before.crls.publishIfDue();
    const octets = await octetsOfBackup(store, settings);
    await mark(worse, 'keyCompromise');
    await mark(released, 'certificateHold');
    await before.crls.sign('issuing', somebody);
    await mark(held, 'certificateHold');
    await mark(final, 'unspecified');
    await before.ca.release({ serialNumber: released, requester: somebody });
    await before.crls.publishIfDue();
    const numbers = ['complete', 'delta', '1', '2'].map((scope) => before.crls.current('issuing', scope)!.number);
    const folder = settings.crlDirectory ?? '';
    const named = (name: string) => ({ source: name, octets: readFileSync(join(folder, name)) });
    const published = [...publishedNow(), ...['delta', '1', '2'].map((scope) => named(`issuing/${scope}.crl`))];
    const place = await elsewhere();
    await expect(restoreInto(place, octets, { published })).rejects.toMatchObject({ code: 'would_unrevoke' });
    const restored = await restoreInto(place, octets, { published: published.toReversed(), apply: true });
    const issuing = restored.issuers.find(({ id }) => id === 'issuing');
    expect(issuing?.revoked.toSorted()).toEqual([held, final, worse].sort());
    expect(issuing?.crlNumber).toBe(Math.max(...numbers));
    putPassphrase(place);
    const there = await openCertificationAuthority({
      settings: { ...place.settings, crlDeltaLifetime: 3600, crlShards: 2 },
      store: await opened(place.options),
    });
    const statusOf = (serial: string) => there.registry.statusOf(there.ca.issuing.certificate, serial);
    expect(statusOf(held)).toMatchObject({ status: 'revoked', reason: 'certificateHold' });
    expect(statusOf(final)).toMatchObject({ status: 'revoked', reason: 'unspecified' });
    expect(statusOf(worse)).toEqual(before.registry.statusOf(before.ca.issuing.certificate, worse));
    for (const serial of [released, good]) expect(statusOf(serial).status).toBe('good');
    // Nothing older than what was published is served, and what is signed next has numbers above.
    expect(['delta', '1', '2'].map((scope) => there.crls.current('issuing', scope))).toEqual(Array(3).fill(undefined));
    const next = await there.crls.publishIfDue();
    expect(next.map(({ scope }) => scope).sort()).toEqual(['1', '2', 'complete', 'delta']);
    for (const { number } of next) expect(number).toBeGreaterThan(Math.max(...numbers));
    await there.ca.release({ serialNumber: held, requester: somebody });
    expect(statusOf(held).status).toBe('good');
  });

  it('jumps over the numbers that may have been used, when there is no list and the operator says so', async () => {
    const octets = await backup();
    const place = await elsewhere();
    await expect(restoreInto(place, octets)).rejects.toMatchObject({
      code: 'published_crl_missing',
      message: expect.stringContaining('root, issuing'),
    });
    const inTenDays = new Date(Date.now() + 10 * 86_400_000);
    const later = await restoreInto(await elsewhere(), octets, { withoutCrl: true, now: () => inTenDays });
    expect(later.issuers[0]?.crlNumber).toBeGreaterThanOrEqual(10 * 10 * 86_400);
    // By a clock that is wrong.
    const { issuers } = await restoreInto(place, octets, { withoutCrl: true, now: () => new Date(0) });
    expect(issuers.map(({ id, crlNumber }) => [id, crlNumber])).toEqual([['root', 1_000_001], ['issuing', 1_000_001]]); // prettier-ignore
    const there = await openedAt(place);
    // The backup's own list may be older than what others have: none is served until the next.
    expect(there.crls.current('issuing')).toBeUndefined();
    const signed = await there.crls.publishIfDue();
    expect(signed.map(({ issuer, number }) => [issuer, number])).toEqual([['root', 1_000_002], ['issuing', 1_000_002]]); // prettier-ignore
    expect((await there.crls.sign('issuing', somebody)).number).toBe(1_000_003);
  });

  it('jumps over what was signed after a restore of the same backup before', async () => {
    const octets = await backup();
    const place = await elsewhere();
    await restoreInto(place, octets, { withoutCrl: true });
    const number = (await (await openedAt(place)).crls.sign('issuing', somebody)).number;
    const inAnHour = new Date(Date.now() + 3_600_000);
    const { issuers } = await restoreInto(await elsewhere(), octets, { withoutCrl: true, now: () => inAnHour });
    for (const { crlNumber } of issuers) expect(crlNumber).toBeGreaterThanOrEqual(number);
  });

  it('takes back no number that a restore before jumped over, though there is a list to compare with', async () => {
    const octets = await backup();
    const place = await elsewhere();
    const { issuers: jumped } = await restoreInto(place, octets, { withoutCrl: true });
    const unsigned = await octetsOfBackup((await openedAt(place)).store, place.settings);
    const published = publishedNow();
    const { issuers } = await restoreInto(await elsewhere(), unsigned, { published, apply: true });
    expect(issuers.map(({ crlNumber }) => crlNumber)).toEqual(jumped.map(({ crlNumber }) => crlNumber));
  });

  it('jumps over the numbers of a shard that was not given, however many lists of others were', async () => {
    const settings = { ...origin.settings, crlDeltaLifetime: 3600, crlShards: 2 };
    const before = await openCertificationAuthority({ settings, store: origin.store });
    await before.crls.publishIfDue();
    const octets = await octetsOfBackup(origin.store, settings);
    await before.crls.sign('issuing', somebody);
    await before.crls.publishIfDue();
    const of = (scope: string) => ({
      source: scope,
      octets: readFileSync(join(settings.crlDirectory ?? '', `issuing/${scope}.crl`)),
    });
    const published = [...publishedNow(), of('delta'), of('1'), of('1')];
    const place = await elsewhere();
    await restoreInto(place, octets, { withoutCrl: true });
    const again = await octetsOfBackup((await openedAt(place)).store, place.settings);
    for (const [each, above] of [
      [octets, 1_000_000],
      // Of a store that had jumped ahead itself, and had signed no list since.
      [again, 2_000_000],
    ] as const) {
      const { issuers } = await restoreInto(await elsewhere(), each, { published, apply: true });
      expect(issuers.find(({ id }) => id === 'issuing')?.crlNumber).toBeGreaterThan(above);
    }
  });

  it('asks for the delta that a complete list names, where the backup has none of it', async () => {
    const octets = await backup();
    const settings = { ...origin.settings, crlDeltaLifetime: 3600 };
    const before = await openCertificationAuthority({ settings, store: origin.store });
    await before.crls.sign('issuing', somebody);
    await before.ca.revoke({ serialNumber: await issue(before, 'late'), requester: somebody });
    await before.crls.publishIfDue();
    const place = await elsewhere();
    const published = publishedNow();
    await expect(restoreInto(place, octets, { published, apply: true })).rejects.toMatchObject({
      code: 'published_crl_missing',
      message: 'there is no published revocation list of issuing (its delta) to compare the backup with',
    });
    const restored = await restoreInto(place, octets, { published, apply: true, withoutCrl: true });
    const delta = before.crls.current('issuing', 'delta')!;
    expect(restored.issuers.find(({ id }) => id === 'issuing')?.crlNumber).toBeGreaterThanOrEqual(delta.number);
  });

  it('asks for the delta of the complete list itself, and takes no word of one that is older', async () => {
    const settings = { ...origin.settings, crlDeltaLifetime: 3600 };
    const before = await openCertificationAuthority({ settings, store: origin.store });
    const serialNumber = await issue(before, 'orders');
    const octets = await octetsOfBackup(origin.store, settings);
    await before.ca.revoke({ serialNumber, reason: 'certificateHold', requester: somebody });
    await before.crls.sign('issuing', somebody);
    await before.ca.release({ serialNumber, requester: somebody });
    await before.crls.publishIfDue();
    const stale = readFileSync(join(settings.crlDirectory ?? '', 'issuing/delta.crl'));
    await before.ca.revoke({ serialNumber, reason: 'keyCompromise', requester: somebody });
    await before.crls.sign('issuing', somebody);
    const published = [...publishedNow(), { source: 'stale', octets: stale }];
    const place = await elsewhere();
    await expect(restoreInto(place, octets, { published, apply: true })).rejects.toMatchObject({
      code: 'published_crl_missing',
      message: expect.stringContaining('issuing (its delta)'),
    });
    const { issuers } = await restoreInto(place, octets, { published, apply: true, withoutCrl: true });
    expect(issuers.find(({ id }) => id === 'issuing')?.revoked).toEqual([serialNumber]);
  });

  it('is not compared with a delta of a later list than the complete one', async () => {
    const octets = await backup();
    const [root, first] = publishedNow();
    const place = await elsewhere();
    await restoreInto(place, octets, { withoutCrl: true });
    putPassphrase(place);
    const { crls } = await openCertificationAuthority({
      settings: { ...place.settings, crlDeltaLifetime: 3600 },
      store: await opened(place.options),
    });
    await crls.publishIfDue();
    const [second, delta] = await Promise.all(
      ['complete', 'delta'].map(async (source) => ({
        source,
        octets: await readPublished(crls.current('issuing', source)!),
      })),
    );
    await expect(restoreInto(await elsewhere(), octets, { published: [root!, first!, delta!] })).rejects.toMatchObject({
      code: 'published_crl_not_accepted',
      message: expect.stringMatching(/its base is list \d{7}/),
    });
    await restoreInto(await elsewhere(), octets, { published: [root!, second!, delta!], apply: true });
  });

  it('is compared with every entry of a list, however many there are', async () => {
    const settings = { ...origin.settings, crlDeltaLifetime: 3600 };
    const octets = await octetsOfBackup(origin.store, settings);
    const { ca, crls } = await openCertificationAuthority({ settings, store: origin.store });
    const revokeMany = (first: number) =>
      origin.store.transaction(async (transaction) => {
        for (let i = 0; i < 501; i++)
          await insertRevokedSerial(transaction, {
            ...{ serial: (first + i).toString(16), issuer: 'issuing', reason: 'superseded' },
            ...{ notAfter: ca.issuing.certificate.notAfter.getTime(), revokedAt: new Date() },
          });
      });
    await revokeMany(0x100000);
    await crls.sign('issuing', somebody);
    await revokeMany(0x200000);
    await crls.publishIfDue();
    const delta = readFileSync(join(settings.crlDirectory ?? '', 'issuing/delta.crl'));
    const alone = publishedNow();
    for (const [published, more] of [
      [alone, 496],
      [[...alone, { source: 'delta', octets: delta }], 997],
    ] as const)
      await expect(restoreInto(await elsewhere(), octets, { published, withoutCrl: true })).rejects.toMatchObject({
        code: 'would_unrevoke',
        message: expect.stringContaining(`and ${more} more`),
      });
  });

  it('is behind a delta of a higher number in which nothing is new', async () => {
    const settings = { ...origin.settings, crlDeltaLifetime: 3600 };
    const { crls } = await openCertificationAuthority({ settings, store: origin.store });
    await crls.publishIfDue();
    const octets = await octetsOfBackup(origin.store, settings);
    const { number } = await crls.sign('issuing', somebody, 'delta');
    const delta = readFileSync(join(settings.crlDirectory ?? '', 'issuing/delta.crl'));
    const published = [...publishedNow(), { source: 'delta', octets: delta }];
    const place = await elsewhere();
    await expect(restoreInto(place, octets, { published })).rejects.toMatchObject({ code: 'would_unrevoke' });
    const { issuers } = await restoreInto(place, octets, { published, apply: true });
    expect(issuers.find(({ id }) => id === 'issuing')?.crlNumber).toBe(number);
    const served = (await openedAt(place)).crls.current('issuing');
    expect(await readPublished(served!)).toEqual(Buffer.from(published[1]!.octets));
  });

  it('of a CA that went on in two places is behind what the other one revoked in a list of the same number', async () => {
    const early = await backup();
    const serialNumber = await issue(authority, 'orders');
    const late = await backup();
    const first = publishedNow();
    await revoke(serialNumber);
    await authority.crls.publishIfDue();
    for (const octets of [early, late]) {
      const other = await elsewhere();
      await restoreInto(other, octets, { published: first });
      const there = await openedAt(other);
      expect((await there.crls.sign('issuing', somebody)).number).toBe(2);
      const twin = await octetsOfBackup(there.store, other.settings);
      await expect(restoreInto(await elsewhere(), twin, { published: publishedNow() })).rejects.toMatchObject({
        code: 'would_unrevoke',
        message: expect.stringContaining(`list 2 of issuing is published, which revokes ${serialNumber},`),
      });
    }
  });

  it('goes into an empty place only, and finishes what was ended before the keys were there', async () => {
    const octets = await backup();
    const published = publishedNow();
    const place = await elsewhere();
    await restoreInto(place, octets, { published, keys: false });
    await expect(openedAt(place).then(({ ca }) => ca.openKeys())).rejects.toMatchObject({ code: 'key_unreadable' });
    const another = await backup();
    // And one whose record is as long, with another end.
    const alike = Buffer.from(octets.toString().replace(/("hash":")[0-9a-f]{64}/, `$1${'0'.repeat(64)}`));
    for (const other of [another, alike])
      await expect(restoreInto(place, other, { published })).rejects.toMatchObject({ code: 'place_not_empty' });
    expect(await restoreInto(place, octets, { published })).toMatchObject({ already: true });
    await (await openedAt(place)).ca.openKeys();
    // As after one that was killed at its very end: nobody should move away what is whole.
    await expect(restoreInto(place, octets, { published })).rejects.toMatchObject({
      code: 'place_not_empty',
      message: expect.stringMatching(/before, and nothing is missing; to restore once more$/),
    });
    const { settings } = await elsewhere();
    await expect(restoreInto({ options: origin.options, settings }, octets, { published })).rejects.toMatchObject({
      code: 'place_not_empty',
    });
    const { options } = await elsewhere();
    await expect(restoreInto({ options, settings: place.settings }, octets, { published })).rejects.toMatchObject({
      code: 'place_not_empty',
      message: expect.stringContaining('issuing_ca.key.pem'),
    });
  });

  it('finishes what was ended between one key and the next, and adds nothing beside the key of another', async () => {
    const octets = await backup();
    const place = await elsewhere();
    const again = () => restoreInto(place, octets, { published: publishedNow() });
    await again();
    const [issuing, root] = ['issuing', 'root'].map((id) => join(place.settings.directory, `${id}_ca.key.pem`));
    const keys = () => [issuing!, root!].map((path) => existsSync(path) && readFileSync(path, 'utf8'));
    const whole = keys();
    rmSync(root!);
    expect(await again()).toMatchObject({ already: true });
    expect(keys()).toEqual(whole);
    rmSync(root!);
    writeFileSync(issuing!, 'another');
    await expect(again()).rejects.toMatchObject({
      code: 'place_not_empty',
      message: expect.stringContaining('issuing_ca.key.pem'),
    });
    expect(keys()).toEqual(['another', false]);
    rmSync(issuing!);
    writeFileSync(join(place.settings.directory, 'issuing-2_ca.key.pem'), whole[0] as string);
    await expect(again()).rejects.toMatchObject({ code: 'place_not_empty' });
    expect(keys()).toEqual([false, false]);
  });

  it('leaves the place empty, whatever is wrong with the backup', async () => {
    await issue(authority, 'orders');
    const lines = (await backup()).toString().trimEnd().split('\n');
    const published = publishedNow();
    const place = await elsewhere();
    const manifest = JSON.parse(lines[0]!) as Record<string, unknown>;
    const withManifest = (more: object) => [JSON.stringify({ ...manifest, ...more }), ...lines.slice(1)];
    const at = lines.findIndex((line) => line.startsWith('["audit"'));
    const cases: [string, string[], string][] = [
      ['no end', lines.slice(0, -1), 'backup_unreadable'],
      ['a row less', lines.toSpliced(at, 1), 'backup_unreadable'],
      ['rows exchanged', lines.toSpliced(at, 2, lines[at + 1]!, lines[at]!), 'backup_unreadable'],
      ['a row more', lines.toSpliced(at, 0, lines[at]!), 'backup_unreadable'],
      ['something after the end', [...lines, lines[at]!], 'backup_unreadable'],
      ['a row of no table', lines.toSpliced(at, 1, '["sqlite_master",1]'), 'backup_unreadable'],
      ['a file of somebody else', lines.toSpliced(1, 0, '{"file":"../../x","contents":""}'), 'backup_unreadable'],
      ['no JSON', lines.toSpliced(at, 1, '['), 'backup_unreadable'],
      ['no manifest', lines.slice(1), 'backup_unreadable'],
      ['a later format', withManifest({ veritas_backup: 2 }), 'backup_too_new'],
      ['a later schema', withManifest({ schema: '9999-from-the-future' }), 'backup_too_new'],
      ['a table less', withManifest({ tables: (manifest.tables as unknown[]).slice(1) }), 'place_not_empty'],
    ];
    for (const [what, changed, code] of cases) {
      const failed = restoreInto(place, Buffer.from(`${changed.join('\n')}\n`), { published });
      await expect(failed.catch((error: unknown) => [what, error])).resolves.toEqual([
        what,
        expect.objectContaining({ code }),
      ]);
    }
    await restoreInto(place, Buffer.from(`${lines.join('\n')}\n`), { published });
  });

  it('is not restored with a record that does not hold, or keys that are not those of the CA', async () => {
    const octets = await backup();
    const published = publishedNow();
    const [first = '', ...rest] = octets.toString().trimEnd().split('\n');
    const sealed = (change: (line: string) => string | string[]): Buffer => {
      const lines = [first, ...rest.slice(0, -1)].flatMap(change);
      const body = `${lines.join('\n')}\n`;
      const end = { lines: lines.length, sha256: hash('sha256', body) };
      return Buffer.from(`${body}${JSON.stringify({ end })}\n`);
    };
    const place = await elsewhere();
    putPassphrase(place);
    const changed = sealed((line) => (line.startsWith('["audit",2,') ? line.replace('"veritas"', '"somebody"') : line));
    await expect(restoreInto(place, changed, { published })).rejects.toMatchObject({
      code: 'backup_unreadable',
      message: expect.stringContaining('row 2 of its audit record is changed'),
    });
    const { audit_head: head } = JSON.parse(first) as { audit_head: { sequence: number; hash: string } };
    const ends = (more: object) =>
      sealed((line) =>
        line === first ? JSON.stringify({ ...JSON.parse(line), audit_head: { ...head, ...more } }) : line,
      );
    const withFile = (file: string) =>
      sealed((line) => (line === first ? [line, JSON.stringify({ file, contents: '' })] : line));
    for (const [wrong, why] of [
      [ends({ sequence: head.sequence - 1 }), 'does not end where its manifest says'],
      [ends({ hash: '0'.repeat(64) }), 'does not end where its manifest says'],
      [sealed((line) => (line.startsWith('["crl_number"') ? [] : line)), 'crl_number has not as many rows'],
      [withFile('../root_ca.key.pem'), 'a file that a backup may not contain'],
      [withFile('root_ca.key.pem/../../x'), 'a file that a backup may not contain'],
    ] as const)
      await expect(restoreInto(place, wrong, { published })).rejects.toMatchObject({
        code: 'backup_unreadable',
        message: expect.stringContaining(why),
      });
    const exchanged = sealed((line) =>
      line
        .replace('{"file":"root_', '{"file":"x_')
        .replace('{"file":"issuing_', '{"file":"root_')
        .replace('{"file":"x_', '{"file":"issuing_'),
    );
    await expect(restoreInto(place, exchanged, { published })).rejects.toMatchObject({ code: 'authority_mismatch' });
    writeFileSync(place.settings.passphraseFile, 'another one');
    await expect(restoreInto(place, octets, { published })).rejects.toMatchObject({ code: 'key_unreadable' });
    rmSync(place.settings.passphraseFile);
    expect(await restoreInto(place, octets, { published })).toMatchObject({ keysOpened: false });
  });

  it('is compared with the last list of its own CAs, and nothing else', async () => {
    const early = publishedNow();
    await revoke(await issue(authority, 'orders'));
    await authority.crls.publishIfDue();
    const octets = await backup();
    const place = await elsewhere();
    const [root, issuing] = publishedNow();
    const cut = { source: 'cut.crl', octets: issuing!.octets.subarray(0, 100) };
    const flipped = { source: 'flipped.crl', octets: issuing!.octets.with(-1, (issuing!.octets.at(-1) ?? 0) ^ 1) };
    for (const wrong of [early[1]!, cut, flipped])
      await expect(restoreInto(place, octets, { published: [root!, wrong] })).rejects.toMatchObject({
        code: 'published_crl_not_accepted',
        message: expect.stringContaining(wrong.source),
      });
    // One that was found, and is older than the backup, says nothing.
    const found = { ...early[1]!, found: true };
    await expect(restoreInto(place, octets, { published: [root!, found] })).rejects.toMatchObject({
      code: 'published_crl_missing',
    });
    await restoreInto(place, octets, { published: [early[0]!, early[1]!, issuing!] });
    await restoreInto(await elsewhere(), octets, { published: [issuing!, early[1]!, early[0]!] });
  });

  it('holds no key of a CA in the clear, and none is left out', async () => {
    const text = (await backup()).toString();
    expect(text.match(/BEGIN ENCRYPTED PRIVATE KEY/g)).toHaveLength(2);
    expect(text).not.toContain('BEGIN PRIVATE KEY');
    expect(text).not.toContain(readFileSync(origin.settings.passphraseFile, 'utf8').trim());
    const key = join(origin.settings.directory, 'issuing_ca.key.pem');
    const pem = readFileSync(key);
    rmSync(key);
    await expect(backup()).rejects.toMatchObject({ code: 'authority_mismatch' });
    writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    await expect(backup()).rejects.toMatchObject({ code: 'key_unreadable' });
    writeFileSync(key, pem);
    chmodSync(key, 0o640);
    await expect(backup()).rejects.toMatchObject({ code: 'key_file_exposed' });
  });
});

it('is read in parts of some megabytes, however large its rows are', async () => {
  const tables = [{ name: 'crl_part', columns: ['part', 'octets'], octets: ['octets'], rows: 40 }];
  const row = (part: number) => encodeRow(tables[0]!, [part, Buffer.alloc(1024 * 1024)]);
  const manifest = {
    ...{ veritas_backup: 1, schema: SCHEMA, created_at: new Date().toISOString(), keys: 'token' },
    ...{ crl_numbers: {}, audit_head: { sequence: 1, hash: '' }, tables },
  };
  const body = [`${JSON.stringify(manifest)}\n`, ...Array.from({ length: 40 }, (_, i) => row(i))].join('');
  const end = { lines: 41, sha256: hash('sha256', body) };
  const octets = async function* () {
    yield await Promise.resolve(Buffer.from(`${body}${JSON.stringify({ end })}\n`));
  };
  const parts: number[] = [];
  for await (const part of (await BackupReader.open(octets())).parts())
    if (part.kind === 'rows') parts.push(part.rows.length);
  expect(parts.reduce((sum, rows) => sum + rows, 0)).toBe(40);
  expect(Math.max(...parts)).toBeLessThan(10);
});

it('is for nobody whose identity was given instead, and does not repeat it', async () => {
  const identity = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`;
  const failed: unknown = await encryptForAge(inPieces(Buffer.alloc(1)), { recipient: identity }).catch(
    (e: unknown) => e,
  );
  expect(failed).toBeInstanceOf(RangeError);
  expect(inspect(failed)).not.toContain('QQQ');
});

describe('a backup of an earlier version', () => {
  it('is restored and brought forward', async () => {
    const settings = newFolder();
    const path = join(dirname(settings.crlDirectory ?? ''), 'veritas.db');
    mkdirSync(dirname(path), { recursive: true });
    const raw = new DatabaseSync(path);
    raw.exec(readFileSync('test/fixtures/store/0004.sql', 'utf8'));
    raw.close();
    const { database } = await opened({ path, bare: true });
    const tables = [];
    for (const shape of await tableShapes(database)) tables.push({ ...shape, rows: await countRows(database, shape) });
    const lines: string[] = [];
    for (const shape of tables)
      for await (const rows of tablePages(database, shape)) lines.push(...rows.map((row) => encodeRow(shape, row)));
    const [, , sequence, headHash] = JSON.parse(lines.at(-1) ?? '[]') as [string, number, number, string];
    const manifest = {
      ...{ veritas_backup: 1, schema: '0004-hierarchy', created_at: new Date().toISOString(), keys: 'token' },
      ...{ crl_numbers: {}, audit_head: { sequence, hash: headHash }, tables },
    };
    const body = `${JSON.stringify(manifest)}\n${lines.join('')}`;
    const end = { lines: lines.length + 1, sha256: hash('sha256', body) };
    const place = { settings: newFolder(), options: { path: `${path}.restored` } };
    const octets = Buffer.from(`${body}${JSON.stringify({ end })}\n`);
    await restoreInto(place, octets, { withoutCrl: true });
    const store = await opened({ ...place.options, readOnly: true });
    // What the restore writes itself, what the earlier schema lacks; and the columns that were added, at the end.
    const changed = ['audit', 'audit_head', 'crl', 'crl_number', 'crl_floor', 'enrollment_token'];
    const after = await linesOf(store.database, changed);
    const added = (line: string) => line.replace(/^(\["certificate".*),null,0,[^,]*,null\]$/m, '$1]');
    expect(after.map(added)).toEqual(await linesOf(database, changed));
    expect(existsSync(place.settings.directory) ? readdirSync(place.settings.directory) : []).toEqual([]);
  });
});
