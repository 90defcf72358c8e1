import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificationRequest } from '../../../test/support/certification-request.js';
import { describeOnEachStore, describeOnPostgres, EMPTY_STORE, postgresPlace } from '../../../test/support/postgres.js';
import { temporaryFolder } from '../../../test/support/folder.js';
import {
  openTemporaryAuthority,
  somebody,
  temporarySettings,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { listAudit, listCrossCertificates, openStore } from '../../store/index.js';
import {
  decodeCertificate,
  decodePem,
  nameToString,
  validateCertificatePath,
  type Certificate,
} from '../../x509/index.js';
import { openCertificationAuthority, type CertificationAuthority } from '../certification-authority.js';
import type { IssuedCertificate } from '../issuance/issued-certificate.js';
import { ROLLOVER_STEPS } from './rollover-plan.js';
import type { RolloverOutcome, RolloverRequest } from './rollover.service.js';

let temporary: TemporaryAuthority;
let authority: CertificationAuthority;
beforeEach(async () => {
  temporary = await openTemporaryAuthority();
  authority = temporary.authority;
});
afterEach(() => temporary.close());

const take = (step: RolloverRequest['step'], more: Partial<RolloverRequest> = {}): Promise<RolloverOutcome> =>
  authority.rollover.take({ step, requester: somebody, ...more });
const states = (of = authority): Record<string, string> =>
  Object.fromEntries(of.ca.authorities.map(({ id, state }) => [id, state]));
const issue = (lifetime = 3600, of = authority): Promise<IssuedCertificate> =>
  of.ca.issue({ request: certificationRequest(), requester: somebody, lifetime });
const bundle = (): string[] =>
  decodePem(readFileSync(join(temporary.folder, 'certs/ca_bundle.pem'))).map(
    ({ octets }) => decodeCertificate(octets).fingerprint256,
  );
const isGood = ({ chain: [leaf, ...intermediates] }: IssuedCertificate, ...anchors: Certificate[]): boolean =>
  validateCertificatePath({
    leaf: leaf!,
    intermediates,
    anchors,
    time: new Date(Math.max(Date.now(), leaf!.notBefore.getTime())),
  }).ok;
const named = (id: string) => authority.ca.authorities.find((each) => each.id === id)!;

describe('rolling an issuing CA over', () => {
  it('makes it, makes it known, has it sign, and lets the old one go when nobody would miss it', async () => {
    const old = await issue();
    await take('prepare');
    expect(states()).toEqual({ root: 'active', issuing: 'active', 'issuing-2': 'prepared' });
    expect(bundle()).toHaveLength(2);
    expect(authority.crls.current('issuing-2')).toBeUndefined();
    await take('publish');
    expect(bundle()).toContain(named('issuing-2').certificate.fingerprint256);
    expect(authority.crls.current('issuing-2')?.number).toBe(1);
    expect((await issue()).chain[1]).toBe(named('issuing').certificate);
    await take('activate');
    expect(states()).toEqual({ root: 'active', issuing: 'published', 'issuing-2': 'active' });
    const young = await issue();
    expect(young.chain[1]).toBe(named('issuing-2').certificate);
    expect(isGood(young, named('root').certificate)).toBe(true);
    expect(young.certificate.extensions.crlDistributionPoints?.length).toBe(1);
    await take('retire');
    const refused = await take('remove').catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'rollover_premature',
      status: 409,
      message: expect.stringContaining('2 valid certificates depend on issuing') as unknown,
    });
    expect(bundle()).toContain(named('issuing').certificate.fingerprint256);
    for (const { serial, issuer, profile } of (await authority.ca.list()).rows)
      if (issuer === 'issuing' && profile === 'service')
        await authority.ca.revoke({ serialNumber: serial, requester: somebody });
    await authority.registry.refresh();
    const status = authority.registry.statusOf(named('issuing').certificate, old.certificate.serialNumber);
    expect(status).toMatchObject({ status: 'revoked' });
    await authority.crls.publishIfDue();
    expect(authority.crls.current('issuing')?.number).toBeGreaterThan(1);
    await take('remove');
    expect(states()).toEqual({ root: 'active', issuing: 'removed', 'issuing-2': 'active' });
    expect(bundle()).not.toContain(named('issuing').certificate.fingerprint256);
    expect(await authority.audit.verify()).toMatchObject({ ok: true });
    const actions = (await listAudit(authority.store.database, 0, 1000)).map(
      ({ action, phase }) => `${action} ${phase}`,
    );
    for (const step of ['prepare', 'publish', 'activate', 'retire', 'remove'])
      for (const phase of ['intent', 'result']) expect(actions).toContain(`ca.rollover.${step} ${phase}`);
  });

  it('changes nothing when a step is taken again, and takes each one back', async () => {
    for (const [step, after, back] of [
      ['prepare', { issuing: 'active', 'issuing-2': 'prepared' }, undefined],
      ['publish', { issuing: 'active', 'issuing-2': 'published' }, { issuing: 'active', 'issuing-2': 'prepared' }],
      ['activate', { issuing: 'published', 'issuing-2': 'active' }, { issuing: 'active', 'issuing-2': 'published' }],
      ['retire', { issuing: 'retired', 'issuing-2': 'active' }, { issuing: 'published', 'issuing-2': 'active' }],
      ['remove', { issuing: 'removed', 'issuing-2': 'active' }, { issuing: 'retired', 'issuing-2': 'active' }],
    ] as const) {
      for (const already of [false, true]) {
        expect(await take(step)).toMatchObject({ already });
        expect(states()).toMatchObject(after);
      }
      if (!back) continue;
      for (const already of [false, true]) {
        expect(await take(step, { back: true })).toMatchObject({ already });
        expect(states()).toMatchObject(back);
      }
      await take(step);
    }
    expect(authority.ca.authorities).toHaveLength(3);
  });

  it('replaces a CA that was compromised, which nobody depends on from then on', async () => {
    await issue();
    const { serialNumber } = named('issuing').certificate;
    await authority.ca.revoke({ serialNumber, reason: 'cACompromise', requester: somebody });
    for (const step of ['prepare', 'publish', 'activate', 'retire', 'remove'] as const) await take(step);
    expect((await issue()).chain[1]).toBe(named('issuing-2').certificate);
    await expect(take('remove', { back: true })).rejects.toThrow('there is nothing removed that is not revoked');
    await expect(take('remove', { back: true, issuer: 'issuing' })).rejects.toMatchObject({ code: 'issuer_revoked' });
  });

  it('takes each step back, also where a CA was dropped before', async () => {
    await take('prepare');
    await take('prepare', { back: true });
    for (const step of ROLLOVER_STEPS) await take(step);
    expect(await take('remove', { back: true })).toMatchObject({ subject: 'issuing', already: false });
    expect(states()).toMatchObject({ issuing: 'retired', 'issuing-2': 'removed', 'issuing-3': 'active' });
  });

  it('goes on signing lists of a removed CA, also where the passphrase comes through a pipe', async () => {
    for (const step of ROLLOVER_STEPS) await take(step);
    const passphraseFile = join(temporary.folder, 'pipe');
    spawnSync('sh', ['-c', 'mkfifo -m 600 "$0"', passphraseFile]);
    const writer = spawn('sh', ['-c', 'cat "$1" >"$0"', passphraseFile, temporary.settings.passphraseFile]);
    const { ca, crls } = await temporary.reopen({ settings: { ...temporary.settings, passphraseFile } });
    await Promise.all([ca.openKeys(), once(writer, 'exit')]);
    expect((await crls.sign('issuing', somebody)).issuer).toBe('issuing');
  });

  it('makes no key, and no passphrase, while that of the keys that are there is missing or another', async () => {
    const { directory, passphraseFile } = temporary.settings;
    const passphrase = readFileSync(passphraseFile);
    const before = readdirSync(directory).filter((name) => name !== 'passphrase');
    for (const other of [undefined, 'another']) {
      rmSync(passphraseFile);
      if (other !== undefined) writeFileSync(passphraseFile, other, { mode: 0o600 });
      await expect(take('prepare')).rejects.toMatchObject({ code: 'key_unreadable' });
      expect(existsSync(passphraseFile)).toBe(other !== undefined);
      writeFileSync(passphraseFile, passphrase, { mode: 0o600 });
    }
    expect(readdirSync(directory).filter((name) => name !== 'passphrase')).toEqual(before);
    await take('prepare');
    expect(states()).toMatchObject({ 'issuing-2': 'prepared' });
  });

  it('drops what was prepared, and revokes what was signed for it', async () => {
    await take('prepare', { root: true });
    const crosses = await listCrossCertificates(authority.store.database);
    expect(crosses.map(({ issuer, signer }) => `${issuer} by ${signer}`).sort()).toEqual([
      'root by root-2',
      'root-2 by root',
    ]);
    await take('prepare', { root: true, back: true });
    expect(states()).toEqual({ root: 'active', 'root-2': 'removed', issuing: 'active', 'issuing-2': 'removed' });
    const rows = (await authority.ca.list({ status: 'revoked' })).rows;
    expect(rows.map(({ profile }) => profile).sort()).toEqual(['cross', 'cross', 'issuing']);
    await expect(take('remove', { root: true, back: true, issuer: 'issuing-2' })).rejects.toMatchObject({
      code: 'issuer_revoked',
    });
    await take('prepare');
    expect(states()).toMatchObject({ 'issuing-3': 'prepared' });
  });

  it('refuses a step before its time, with what is in the way', async () => {
    for (const step of ['publish', 'activate', 'retire', 'remove'] as const)
      for (const more of [{}, { root: true }, { back: true }, { issuer: 'issuing' }])
        if (!(step === 'publish' && 'issuer' in more) && !(step === 'activate' && 'issuer' in more))
          await expect(take(step, more)).rejects.toMatchObject({ code: 'rollover_premature' });
    await expect(take('publish', { issuer: 'nobody' })).rejects.toMatchObject({ code: 'issuer_unknown' });
    await take('prepare');
    await expect(take('activate')).rejects.toThrow('publish it first');
    await take('publish');
    await take('activate');
    await expect(take('remove')).rejects.toThrow('retire this one');
    await issue();
    await take('activate', { back: true });
    await expect(take('publish', { back: true })).rejects.toThrow('1 valid certificate depends on issuing-2');
    expect(states()).toEqual({ root: 'active', issuing: 'active', 'issuing-2': 'published' });
  });

  it('goes on where a kill left off', async () => {
    // Between the key and the certificate, the certificate and the cross-certificates, the rows and the files.
    const failing = await temporary.reopen({
      random: () => {
        throw new Error('killed');
      },
    });
    await expect(failing.rollover.take({ step: 'prepare', root: true, requester: somebody })).rejects.toThrow('killed');
    let left = 2;
    const later = await temporary.reopen({
      random: (octets) => {
        if (left-- === 0) throw new Error('killed');
        return randomBytes(octets);
      },
    });
    await expect(later.rollover.take({ step: 'prepare', root: true, requester: somebody })).rejects.toThrow('killed');
    expect(await take('prepare', { root: true })).toMatchObject({ already: false, subject: 'root-2' });
    expect(await listCrossCertificates(authority.store.database)).toHaveLength(2);
    expect(states()).toEqual({ root: 'active', 'root-2': 'prepared', issuing: 'active', 'issuing-2': 'prepared' });
    expect(await authority.audit.verify()).toMatchObject({ ok: true });
  });

  it('is heard of when all its lists are there, deltas and shards among them', async () => {
    const settings = { ...temporary.settings, crlDeltaLifetime: 3600, crlShards: 2 };
    authority = await temporary.reopen({ settings });
    await take('prepare');
    const heard: unknown[] = [];
    authority.events.on('issuers.changed', () => heard.push(authority.crls.missing('issuing-2', new Date())));
    await take('publish');
    expect(heard).toEqual([[]]);
  });

  it('is followed by another process that runs', async () => {
    const other = await temporary.reopen();
    await take('prepare');
    await take('publish');
    await take('activate');
    expect(states(other)).toEqual({ root: 'active', issuing: 'active' });
    await other.followIssuers();
    const { certificate, chain } = await issue(60, other);
    expect(chain[1]!.serialNumber).toBe(named('issuing-2').certificate.serialNumber);
    expect(other.registry.statusOf(chain[1]!, certificate.serialNumber)).toEqual({ status: 'good' });
    expect(states(other)).toEqual(states());
  });

  it('is followed where files cannot be written as well, and they are written once they can be', async () => {
    const certsDirectory = join(temporary.folder, 'elsewhere');
    const other = await temporary.reopen({ settings: { ...temporary.settings, certsDirectory } });
    const heard: unknown[] = [];
    other.events.on('issuers.changed', ({ states: now }) => heard.push(now.get('issuing-2')));
    mkdirSync(join(certsDirectory, 'issuing-2_ca.pem'));
    await take('prepare');
    await take('publish');
    await expect(other.followIssuers()).rejects.toMatchObject({ code: 'file_unwritable' });
    expect(heard).toEqual(['published']);
    await expect(other.followIssuers()).rejects.toMatchObject({ code: 'file_unwritable' });
    rmSync(join(certsDirectory, 'issuing-2_ca.pem'), { recursive: true });
    expect(await other.followIssuers()).toBe(false);
    for (const name of ['issuing-2_ca.pem', 'ca_bundle.pem'])
      expect(readFileSync(join(certsDirectory, name), 'utf8')).toContain(named('issuing-2').certificatePem);
    expect(heard).toEqual(['published']);
  });
});

describe('rolling the root over', () => {
  it('keeps who trusts the old, both or the new root able to verify, at every stage', async () => {
    const before = await issue();
    await take('prepare', { root: true });
    const old = named('root').certificate;
    const young = named('root-2').certificate;
    const everywhere = (issued: IssuedCertificate): boolean[] => [
      isGood(issued, old),
      isGood(issued, young),
      isGood(issued, old, young),
    ];
    expect((await issue()).chain).toHaveLength(2);
    for (const step of ['publish', 'activate', 'retire'] as const) {
      await take(step, { root: true });
      const issued = await issue();
      expect(issued.chain).toHaveLength(3);
      expect(everywhere(issued)).toEqual([true, true, true]);
    }
    // Who trusts the old root alone asks about the new issuing CA, and about the cross-certificate above it.
    const [, issuing, cross] = (await issue()).chain;
    expect(authority.registry.statusOf(cross!, issuing!.serialNumber)).toEqual({ status: 'good' });
    expect(authority.registry.statusOf(old, cross!.serialNumber)).toEqual({ status: 'good' });
    expect(everywhere((await authority.ca.issuedBefore(before.certificate.serialNumber))!)).toEqual([true, true, true]);
    expect(states()).toEqual({ root: 'retired', 'root-2': 'active', issuing: 'retired', 'issuing-2': 'active' });
    await expect(take('remove', { root: true })).rejects.toMatchObject({ code: 'rollover_premature' });
    const standing = (await authority.rollover.status()).find(({ id }) => id === 'root');
    expect(standing).toMatchObject({ safeToRemove: false, usage: { valid: 3 } });
    expect(standing!.services).toHaveLength(1);
    const late = await temporary.reopen({ now: () => new Date(Date.now() + 2 * 3600_000) });
    await late.rollover.take({ step: 'remove', root: true, requester: somebody });
    expect(states(late)).toMatchObject({ root: 'removed', issuing: 'removed' });
    expect(bundle()).toEqual([young, named('issuing-2').certificate].map(({ fingerprint256 }) => fingerprint256));
    expect(everywhere(await issue(60, late))).toEqual([true, true, true]);
  });
});

it('a CA comes after the one before, whatever the clock says of when it was made', async () => {
  const behind = await temporary.reopen({ now: () => new Date(Date.now() - 30_000) });
  for (const step of ['prepare', 'publish', 'activate', 'retire'] as const)
    expect((await behind.rollover.take({ step, requester: somebody })).already).toBe(false);
  expect(states(behind)).toEqual({ root: 'active', issuing: 'retired', 'issuing-2': 'active' });
});

describe('a root that is over', () => {
  it('is replaced without a cross-certificate, and none is asked for that it would have to sign', async () => {
    const now = new Date(named('root').certificate.notAfter.getTime() + 1000);
    const late = await temporary.reopen({ now: () => now, unreadLimit: Infinity });
    const takeLate = (step: RolloverRequest['step'], root = true) =>
      late.rollover.take({ step, root, requester: somebody });
    await expect(takeLate('prepare', false)).rejects.toMatchObject({ code: 'issuer_expired' });
    for (const step of ROLLOVER_STEPS) for (const already of [false, true]) expect(await takeLate(step)).toMatchObject({ already }); // prettier-ignore
    expect(await listCrossCertificates(late.store.database)).toEqual([]);
    const { chain } = await issue(3600, late);
    expect(chain.map(({ subject }) => nameToString(subject)).slice(1)).toEqual(['CN=VERITAS Issuing CA 2,O=VERITAS Framework']); // prettier-ignore
    const [leaf, ...intermediates] = chain;
    const anchors = [late.ca.authorities.find(({ id }) => id === 'root-2')!.certificate];
    expect(validateCertificatePath({ leaf: leaf!, intermediates, anchors, time: now }).ok).toBe(true);
  });
});

describeOnEachStore('a node that has not heard of a step', (_, newPlace) => {
  it('issues nothing from the CA before, and nothing at all where it cannot follow', async () => {
    const shared = await openTemporaryAuthority({ newPlace });
    const other = await shared.reopen();
    const take = (step: RolloverRequest['step']) => shared.authority.rollover.take({ step, requester: somebody });
    for (const step of ['prepare', 'publish'] as const) await take(step);
    let isTaken = false;
    const issued = Array.from({ length: 8 }, async (_each, i) => {
      const alongside = i % 2 === 0 ? () => Promise.resolve() : undefined;
      // Once more after the step, however long that took.
      for (let isLast = false; !isLast;) {
        isLast = isTaken;
        await other.ca.issue({ request: certificationRequest(), requester: somebody, alongside });
      }
    });
    await take('activate');
    isTaken = true;
    await Promise.all(issued);
    expect(states(other)).toEqual(states(shared.authority));
    // What was signed before the step, and not stored by then, was signed again.
    const rows = await listAudit(shared.store.database, 0, 100_000);
    const activated = rows.findLast(({ action }) => action === 'ca.rollover.activate')!.sequence;
    const late = rows.filter(({ sequence }) => sequence > activated);
    const stored = late.filter(({ action, phase }) => action === 'certificate.issue' && phase === 'result');
    expect(stored.length).toBeGreaterThan(0);
    for (const { subject } of stored) expect(await other.ca.find(subject)).toMatchObject({ issuer: 'issuing-2' });

    for (const step of ['prepare', 'publish', 'activate'] as const) await take(step);
    const key = join(shared.settings.directory, 'issuing-3_ca.key.pem');
    chmodSync(key, 0o640);
    const before = await other.ca.list();
    await expect(issue(60, other)).rejects.toMatchObject({ code: 'key_file_exposed' });
    expect(await other.ca.list()).toEqual(before);
    chmodSync(key, 0o600);
    const [, issuing] = (await issue(60, other)).chain;
    expect(nameToString(issuing!.subject)).toContain('CN=VERITAS Issuing CA 3');
    await shared.close();
  });
});

describeOnPostgres('a node whose clock is ahead', () => {
  it('removes no CA whose certificates are good by the clock of the database', async () => {
    const shared = await openTemporaryAuthority({ newPlace: () => postgresPlace(undefined, EMPTY_STORE) });
    const store = await openStore(shared.place.options);
    const ahead = await shared.reopen({ store, now: () => new Date(Date.now() + 2 * 3600_000) });
    const { certificate } = await issue(3600, shared.authority);
    for (const step of ['prepare', 'publish', 'activate', 'retire'] as const)
      await shared.authority.rollover.take({ step, requester: somebody });
    const standing = (await ahead.rollover.status()).find(({ id }) => id === 'issuing');
    expect(standing).toMatchObject({ safeToRemove: false, usage: { valid: 1 } });
    await expect(ahead.rollover.take({ step: 'remove', requester: somebody })).rejects.toMatchObject({
      code: 'rollover_premature',
      message: expect.stringContaining(`the last until ${certificate.notAfter.toISOString()}`) as unknown,
    });
    await store.close();
    await shared.close();
  });

  it('forgets no peer that is good by the clock of the database, and saw nobody in the future', async () => {
    const shared = await openTemporaryAuthority({ newPlace: () => postgresPlace(undefined, EMPTY_STORE) });
    const store = await openStore(shared.place.options);
    const time = (): Date => new Date(Date.now() + 2 * 3600_000);
    const ahead = await shared.reopen({ store, now: time });
    // Of another store: this one does not list them.
    const peers = [await issue(3600), await issue(4 * 3600)].map(({ certificate }) => certificate);
    const { certificate } = shared.authority.ca.issuing;
    shared.authority.sightings.note([peers[0]!, certificate], Date.now());
    await shared.authority.sightings.flush();
    ahead.sightings.note([peers[1]!, certificate], time().getTime());
    await ahead.sightings.flush();
    const standing = (await shared.authority.rollover.status()).find(({ id }) => id === 'issuing')!;
    expect(standing.usage.valid).toBe(2);
    expect(standing.lastSeen!.getTime()).toBeLessThanOrEqual(Date.now());
    await store.close();
    await shared.close();
  });
});

describeOnEachStore('steps that are taken twice at once', (_, newPlace) => {
  it('are taken once: one CA, one cross-certificate each way, and no step goes too far', async () => {
    const shared = await openTemporaryAuthority({ newPlace });
    const nodes = [shared.authority, await shared.reopen(), await shared.reopen()];
    const statesAfter = {
      prepare: { root: 'active', issuing: 'active', 'root-2': 'prepared', 'issuing-2': 'prepared' },
      publish: { root: 'active', issuing: 'active', 'root-2': 'published', 'issuing-2': 'published' },
      activate: { root: 'published', issuing: 'published', 'root-2': 'active', 'issuing-2': 'active' },
      retire: { root: 'retired', issuing: 'retired', 'root-2': 'active', 'issuing-2': 'active' },
      remove: { root: 'removed', issuing: 'removed', 'root-2': 'active', 'issuing-2': 'active' },
    } as const;
    for (const step of ['prepare', 'publish', 'activate', 'retire', 'remove'] as const) {
      await Promise.all(nodes.map((node) => node.rollover.take({ step, root: true, requester: somebody })));
      await shared.authority.followIssuers();
      expect(states(shared.authority)).toEqual(statesAfter[step]);
    }
    const crosses = await listCrossCertificates(shared.store.database);
    expect(crosses.map(({ issuer, signer }) => `${issuer} by ${signer}`).sort()).toEqual([
      'root by root-2',
      'root-2 by root',
    ]);
    expect(await shared.authority.audit.verify()).toMatchObject({ ok: true });
    await shared.close();
  });
});

describeOnEachStore('a whole rollover of the root', (_, newPlace) => {
  it('goes from stage to stage, and refuses to go too far', async () => {
    const folder = temporaryFolder();
    const place = await newPlace();
    const store = await openStore(place.options);
    try {
      const settings = temporarySettings(folder);
      const whole = await openCertificationAuthority({ settings, store, create: true });
      const step = (name: RolloverRequest['step'], back = false): Promise<RolloverOutcome> =>
        whole.rollover.take({ step: name, root: true, back, requester: somebody });
      await issue(3600, whole);
      for (const name of ['prepare', 'publish', 'activate', 'retire'] as const) {
        await step(name);
        expect(await step(name)).toMatchObject({ already: true });
      }
      await issue(3600, whole);
      await expect(step('remove')).rejects.toMatchObject({ code: 'rollover_premature' });
      const standings = await whole.rollover.status();
      expect(standings.map(({ id, state, usage, safeToRemove }) => [id, state, usage.valid, safeToRemove])).toEqual([
        ['root', 'retired', 1, false],
        ['issuing', 'retired', 1, false],
        ['root-2', 'active', 1, false],
        ['issuing-2', 'active', 1, false],
      ]);
      await step('retire', true);
      await step('activate', true);
      expect(states(whole)).toMatchObject({ root: 'active', issuing: 'active', 'issuing-2': 'published' });
      await expect(step('publish', true)).rejects.toMatchObject({ code: 'rollover_premature' });
      expect(await whole.audit.verify()).toMatchObject({ ok: true });
    } finally {
      await store.close();
      await place.remove();
      rmSync(folder, { recursive: true });
    }
  }, 60_000);
});
