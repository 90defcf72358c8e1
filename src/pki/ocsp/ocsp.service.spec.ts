import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pbkdf2 } from 'node:crypto';
import { chmodSync, closeSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { certificationRequest } from '../../../test/support/certification-request.js';
import { describeOnEachStore } from '../../../test/support/postgres.js';
import { temporaryFolder } from '../../../test/support/folder.js';
import {
  openTemporaryAuthority,
  somebody,
  temporarySettings,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { EventBus } from '../../events/index.js';
import { insertRevokedSerial, listAudit, markRevoked, openStore, type Transaction } from '../../store/index.js';
import { TestCa } from '../../testing/index.js';
import {
  certIdOf,
  decodeOcspResponse,
  encodeExtensionOf,
  encodeOcspRequest,
  nameToString,
  Oid,
  verifyOcspResponse,
  type Certificate,
  type CertIdDigest,
  type CertStatus,
  type OcspResponse,
} from '../../x509/index.js';
import { openCertificationAuthority, type CertificationAuthority } from '../certification-authority.js';
import { IssuanceJournal } from '../issuance/issuance-journal.js';
import { ExternalRootService } from '../rollover/external-root.service.js';
import { UNREAD_LIMIT, RevocationRegistry } from '../revocation/revocation-registry.js';
import { OcspService, type OcspAnswer } from './ocsp.service.js';
import { OcspToken } from './ocsp-token.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;

let temporary: TemporaryAuthority;
let authority: CertificationAuthority;
let clock: Date;
const open = async (): Promise<void> => {
  clock = new Date();
  temporary = await openTemporaryAuthority({ now: () => clock });
  // Opened once more, with OCSP.
  authority = await temporary.reopen({ settings: { ...temporary.settings, ocsp: true } });
};

const forward = (milliseconds: number): void => {
  clock = new Date(clock.getTime() + milliseconds);
};
const issue = async (of = authority): Promise<Certificate> =>
  (await of.ca.issue({ request: certificationRequest(), requester: somebody, lifetime: (80 * DAY) / 1000 }))
    .certificate;
const requestOf = (serialNumber: string, issuer: Certificate, digest?: CertIdDigest, nonce?: Uint8Array): Uint8Array =>
  encodeOcspRequest([certIdOf(issuer, serialNumber, digest)], nonce);
const ask = (octets: Uint8Array, of = authority): OcspAnswer | Promise<OcspAnswer> => of.ocsp!.answer(octets);
const askAll = (all: readonly Uint8Array[]): Promise<OcspAnswer[]> => Promise.all(all.map(async (each) => ask(each)));
/** What the answer says, believed; or what the responder says instead of one. */
async function statusOf(
  { serialNumber }: Pick<Certificate, 'serialNumber'>,
  issuer = authority.ca.issuing.certificate,
  of = authority,
): Promise<CertStatus | { readonly status: OcspResponse['status'] }> {
  const response = decodeOcspResponse((await ask(requestOf(serialNumber, issuer), of)).der);
  if (!response.basic) return { status: response.status };
  const verdict = verifyOcspResponse(response, { issuer, serialNumber, time: clock });
  if (!verdict.ok) throw new Error(verdict.why);
  return verdict.certStatus;
}
const responderOf = async (serialNumber: string): Promise<Certificate> => {
  const { der } = await ask(requestOf(serialNumber, authority.ca.issuing.certificate, 'sha1', Buffer.of(1)));
  return decodeOcspResponse(der).basic!.certificates[0]!;
};
const revoke = ({ serialNumber }: Pick<Certificate, 'serialNumber'>, reason?: string) =>
  authority.ca.revoke({ serialNumber, reason, requester: somebody });
const named = (id: string) => authority.ca.authorities.find((each) => each.id === id)!;
const keyFiles = (): string[] =>
  readdirSync(join(temporary.folder, 'certs/ca')).filter((name) => name.includes('ocsp'));

describe('what is answered', () => {
  beforeAll(open);
  beforeEach(() => {
    clock = new Date();
  });
  afterAll(() => temporary.close());

  it('good, and revoked from the moment that revoking is done', async () => {
    const certificate = await issue();
    // The second answer is a kept one, and not looked at again for a second.
    for (let times = 0; times < 2; times++) expect(await statusOf(certificate)).toEqual({ status: 'good' });
    const { revokedAt } = await revoke(certificate, 'keyCompromise');
    const revocationTime = new Date(Math.floor(revokedAt.getTime() / 1000) * 1000);
    expect(await statusOf(certificate)).toEqual({ status: 'revoked', revocationTime, reason: 1 });
    const plain = await issue();
    await revoke(plain);
    expect(await statusOf(plain)).toMatchObject({ status: 'revoked', reason: undefined });
  });

  it('unknown for a number that was never issued, and good once it is: unknown is never kept', async () => {
    const serialNumber = '40'.repeat(16);
    expect(await statusOf({ serialNumber })).toEqual({ status: 'unknown' });
    expect((await ask(requestOf(serialNumber, authority.ca.issuing.certificate))).caching).toBeUndefined();
    // A number that the root gave is none of the issuing CA's.
    expect(await statusOf(authority.ca.issuing.certificate)).toEqual({ status: 'unknown' });
    const late = await issue(await temporary.reopen({ random: () => Buffer.from(serialNumber, 'hex') }));
    expect(late.serialNumber).toBe(serialNumber);
    expect(await statusOf({ serialNumber })).toEqual({ status: 'good' });
  });

  it('unauthorized for the issuer of somebody else, even of the same name, and for two issuers at once', async () => {
    const { serialNumber } = await issue();
    const { issuing } = authority.ca;
    const stranger = TestCa.root({ subject: issuing.certificate.subject }).certificate;
    expect(await statusOf({ serialNumber }, stranger)).toEqual({ status: 'unauthorized' });
    const both = [certIdOf(issuing.certificate, serialNumber), certIdOf(named('root').certificate, serialNumber)];
    expect(decodeOcspResponse((await ask(encodeOcspRequest(both))).der).status).toBe('unauthorized');
  });

  it('unauthorized by a CA that is over: nobody answers for it any more', async () => {
    const certificate = await issue();
    const { issuing } = authority.ca;
    clock = issuing.certificate.notAfter;
    expect(await statusOf(certificate)).toEqual({ status: 'unauthorized' });
    await authority.ocsp!.prepare();
    expect(await statusOf(issuing.certificate, named('root').certificate)).toEqual({ status: 'good' });
  });

  it('on hold, where the store says so', async () => {
    const certificate = await issue();
    expect(await statusOf(certificate)).toEqual({ status: 'good' });
    await authority.store.transaction((transaction: Transaction) =>
      markRevoked(transaction, { serial: certificate.serialNumber, reason: 'certificateHold', revokedAt: clock }),
    );
    await authority.registry.refresh();
    expect(await statusOf(certificate)).toMatchObject({ status: 'revoked', reason: 6 });
  });

  it('on hold until the release, and good again at once, whatever was kept', async () => {
    const certificate = await issue();
    const { serialNumber } = certificate;
    expect(await statusOf(certificate)).toEqual({ status: 'good' });
    await revoke(certificate, 'certificateHold');
    expect(await statusOf(certificate)).toMatchObject({ status: 'revoked', reason: 6 });
    await authority.ca.release({ serialNumber, requester: somebody });
    expect(await statusOf(certificate)).toEqual({ status: 'good' });
    // Put on hold again before anybody asks: since another time.
    await revoke(certificate, 'certificateHold');
    const first = await statusOf(certificate);
    await authority.ca.release({ serialNumber, requester: somebody });
    forward(1_000);
    await revoke(certificate, 'certificateHold');
    expect(await statusOf(certificate)).toMatchObject({ status: 'revoked', reason: 6 });
    expect(await statusOf(certificate)).not.toEqual(first);
    // At the same time, for another reason.
    await revoke(certificate, 'superseded');
    expect(await statusOf(certificate)).toMatchObject({ status: 'revoked', reason: 4 });
  });

  it('revoked for a number whose certificate was lost with the store', async () => {
    const serialNumber = '41'.repeat(16);
    expect(await statusOf({ serialNumber })).toEqual({ status: 'unknown' });
    await authority.store.transaction((transaction: Transaction) =>
      insertRevokedSerial(transaction, {
        serial: serialNumber,
        issuer: 'issuing',
        notAfter: authority.ca.issuing.certificate.notAfter.getTime(),
        revokedAt: clock,
        reason: 'superseded',
      }),
    );
    await authority.registry.refresh();
    expect(await statusOf({ serialNumber })).toMatchObject({ status: 'revoked', reason: 4 });
  });

  it('several at once, in their order, by SHA-1 and SHA-256', async () => {
    const issuer = authority.ca.issuing.certificate;
    const [one, two] = [await issue(), await issue()];
    await revoke(two);
    const certIds = [
      certIdOf(issuer, two.serialNumber, 'sha256'),
      certIdOf(issuer, '7f'),
      certIdOf(issuer, one.serialNumber),
    ];
    const answer = await ask(encodeOcspRequest(certIds, Buffer.alloc(32, 5)));
    const { basic } = decodeOcspResponse(answer.der);
    expect(basic!.responses.map(({ certStatus }) => certStatus.status)).toEqual(['revoked', 'unknown', 'good']);
    expect(basic!.responses.map(({ certId }) => certId)).toEqual(certIds);
    expect(answer.caching).toBeUndefined();
    // Nor is one without a nonce kept: it would have to be looked at for each of them.
    const both = encodeOcspRequest([certIdOf(issuer, two.serialNumber), certIdOf(issuer, one.serialNumber)]);
    const statuses = async () => {
      const { der, caching } = await ask(both);
      expect(caching).toBeUndefined();
      return decodeOcspResponse(der).basic!.responses.map(({ certStatus }) => certStatus.status);
    };
    for (let times = 0; times < 2; times++) expect(await statuses()).toEqual(['revoked', 'good']);
    await revoke(one);
    expect(await statuses()).toEqual(['revoked', 'revoked']);
  });

  it('malformedRequest to what is none, from any octets', async () => {
    for (const octets of [new Uint8Array(), Buffer.alloc(65_536, 0x30), Buffer.from('hello')])
      expect(decodeOcspResponse((await ask(octets)).der).status).toBe('malformedRequest');
  });

  it('with an archive cutoff once the certificate is over', async () => {
    const certificate = await issue();
    const extensions = async () => {
      const { der } = await ask(requestOf(certificate.serialNumber, authority.ca.issuing.certificate));
      return [...decodeOcspResponse(der).basic!.responses[0]!.extensions.values()];
    };
    expect(await extensions()).toEqual([]);
    clock = certificate.notAfter;
    expect(await extensions()).toEqual([]);
    forward(HOUR);
    // Nothing was dropped since the CA began.
    const { notBefore } = authority.ca.issuing.certificate;
    const [cutoff, ...more] = await extensions();
    expect([cutoff?.oid, more]).toEqual([Oid.ocspArchiveCutoff, []]);
    expect(Buffer.from(cutoff!.value)).toEqual(Buffer.from(encodeExtensionOf.ocspArchiveCutoff(notBefore).value));
    expect(await statusOf(certificate)).toEqual({ status: 'good' });
  });
});

describe('what is kept', () => {
  beforeAll(open);
  beforeEach(() => {
    clock = new Date();
  });
  afterAll(() => temporary.close());

  it('the same octets until the time nears, however the request is written', async () => {
    const { serialNumber } = await issue();
    const issuer = authority.ca.issuing.certificate;
    const request = requestOf(serialNumber, issuer);
    const first = await ask(request);
    // At once: from memory, without a promise.
    expect(ask(request)).toBe(first);
    expect(first.caching!.nextUpdate.getTime() - first.caching!.thisUpdate.getTime()).toBe(HOUR);
    expect(decodeOcspResponse(first.der).basic!.responses).toMatchObject([
      { thisUpdate: first.caching!.thisUpdate, nextUpdate: first.caching!.nextUpdate },
    ]);
    expect((await ask(requestOf(serialNumber, issuer, 'sha256'))).der).not.toEqual(first.der);
    // Three quarters of its time, to the millisecond.
    clock = new Date(first.caching!.thisUpdate.getTime() + HOUR * 0.75 - 1);
    expect(ask(request)).toBe(first);
    forward(1);
    const second = await ask(request);
    expect(second.caching!.thisUpdate.getTime()).toBeGreaterThan(first.caching!.thisUpdate.getTime());
    // A clock that was set back finds nothing from the future.
    forward(-HOUR / 2);
    expect((await ask(request)).caching!.thisUpdate.getTime()).toBeLessThan(second.caching!.thisUpdate.getTime());
  });

  it('nothing that the clock has left behind, set back or forward a day', async () => {
    const { serialNumber } = await issue();
    const request = requestOf(serialNumber, authority.ca.issuing.certificate);
    await ask(request);
    // After a fortnight there is another responder, whose certificate is not valid two days before.
    for (const days of [3, -1, 13, -2, 1]) {
      forward(days * DAY);
      const { caching } = await ask(request);
      expect(Math.abs(caching!.thisUpdate.getTime() - clock.getTime())).toBeLessThan(1_000);
      expect(caching!.nextUpdate.getTime()).toBeGreaterThan(clock.getTime());
      expect(await statusOf({ serialNumber })).toEqual({ status: 'good' });
    }
  });

  it('nothing that answers a nonce, and nothing that was kept answers one', async () => {
    const { serialNumber } = await issue();
    const issuer = authority.ca.issuing.certificate;
    const kept = await ask(requestOf(serialNumber, issuer));
    const nonces = [Buffer.alloc(32, 1), Buffer.alloc(32, 1), Buffer.alloc(1, 2), Buffer.alloc(128, 3)];
    const answers = await askAll(nonces.map((nonce) => requestOf(serialNumber, issuer, 'sha1', nonce)));
    expect(answers.map(({ der }) => decodeOcspResponse(der).basic!.nonce)).toEqual(nonces);
    expect(answers.map(({ caching }) => caching)).toEqual([undefined, undefined, undefined, undefined]);
    expect(new Set(answers.map(({ der }) => Buffer.from(der).toString('hex'))).size).toBe(4);
    expect(ask(requestOf(serialNumber, issuer))).toBe(kept);
  });

  it('one signature for all who ask at the same time', async () => {
    const { serialNumber } = await issue();
    const request = requestOf(serialNumber, authority.ca.issuing.certificate);
    const answers = await askAll(Array.from({ length: 50 }, () => request));
    expect(new Set(answers).size).toBe(1);
  });

  it('no signature that was begun before a revocation, for who asks after it', async () => {
    const place = await openTemporaryAuthority({ now: () => clock });
    // Other threads sign with such a key, and they have something else to do.
    const other = await place.reopen({ settings: { ...place.settings, ocsp: true, keyType: 'P-384' } });
    const certificate = await issue(other);
    const ofIt = () => statusOf(certificate, other.ca.issuing.certificate, other);
    await other.ocsp!.open();
    const busy = Array.from({ length: 8 }, () => promisify(pbkdf2)('', '', 300_000, 32, 'sha256'));
    const before = ofIt();
    await other.ca.revoke({ serialNumber: certificate.serialNumber, requester: somebody });
    const after = ofIt();
    expect([await before, await after]).toMatchObject([{ status: 'good' }, { status: 'revoked' }]);
    expect(await ofIt()).toMatchObject({ status: 'revoked' });
    await Promise.all(busy);
    await place.close();
  });

  it('tryLater for whoever comes when too many wait', async () => {
    const { serialNumber } = await issue();
    const issuer = authority.ca.issuing.certificate;
    const nonces = Array.from({ length: 1001 }, (_, i) => Buffer.from(String(i).padStart(4, '0')));
    const answers = await askAll(nonces.map((nonce) => requestOf(serialNumber, issuer, 'sha1', nonce)));
    const all = answers.map(({ der }) => decodeOcspResponse(der).status);
    expect(all.filter((status) => status === 'successful')).toHaveLength(1000);
    expect(all.at(-1)).toBe('tryLater');
    expect(await statusOf({ serialNumber })).toEqual({ status: 'good' });
  });

  it('nothing good while the store cannot be read for too long; revoked stays', async () => {
    let monotonic = 0;
    const { store, events, ca } = authority;
    const registry = new RevocationRegistry({
      store,
      events,
      authorities: { all: ca.authorities },
      monotonic: () => monotonic,
    });
    const { settings, audit } = authority;
    const now = () => clock;
    const journal = new IssuanceJournal({ store, audit, now });
    const context = { store, audit, journal, now, backdate: 60, publicationUrl: settings.publicationUrl };
    const ocsp = new OcspService({
      authorities: { all: ca.authorities },
      settings,
      profiles: ca.profiles,
      context,
      events,
      registry,
    });
    const [one, two] = [await issue(), await issue()];
    await revoke(two);
    await registry.refresh();
    const ofBoth = async () => {
      const answers: string[] = [];
      for (const { serialNumber } of [one, two]) {
        const { der } = await ocsp.answer(requestOf(serialNumber, ca.issuing.certificate));
        const response = decodeOcspResponse(der);
        answers.push(response.basic?.responses[0]?.certStatus.status ?? response.status);
      }
      return answers;
    };
    // The second answers are kept ones: that the store cannot be read is noticed within a second.
    for (let times = 0; times < 2; times++) expect(await ofBoth()).toEqual(['good', 'revoked']);
    monotonic = UNREAD_LIMIT + 1;
    forward(999);
    expect(await ofBoth()).toEqual(['good', 'revoked']);
    forward(1);
    expect(await ofBoth()).toEqual(['tryLater', 'revoked']);
    await registry.refresh();
    expect(await ofBoth()).toEqual(['good', 'revoked']);
    // Nor is it noticed later when the clock is set back meanwhile, to a time that what is kept was for.
    forward(HOUR / 2);
    for (let times = 0; times < 2; times++) expect(await ofBoth()).toEqual(['good', 'revoked']);
    monotonic *= 3;
    forward(-HOUR / 4);
    expect(await ofBoth()).toEqual(['tryLater', 'revoked']);
  });
});

describe('the responder', () => {
  beforeEach(open);
  afterEach(() => temporary.close());

  it('about the issuing CA by the responder of the root', async () => {
    const { issuing } = authority.ca;
    const root = named('root').certificate;
    expect(await statusOf(issuing.certificate, root)).toEqual({ status: 'good' });
    await revoke(issuing.certificate, 'cACompromise');
    expect(await statusOf(issuing.certificate, root)).toMatchObject({ status: 'revoked', reason: 2 });
    expect(keyFiles()).toEqual(['ocsp-root_ca.key.pem']);
  });

  it('by a CA that was retired, and nothing by one that nobody has heard of', async () => {
    const certificate = await issue();
    const old = authority.ca.issuing.certificate;
    for (const step of ['prepare', 'publish', 'activate', 'retire'] as const) {
      await authority.rollover.take({ step, requester: somebody });
      const young = named('issuing-2').certificate;
      expect(await statusOf({ serialNumber: '01' }, young)).toEqual({
        status: step === 'prepare' ? 'unauthorized' : 'unknown',
      });
    }
    expect(await statusOf(certificate, old)).toEqual({ status: 'good' });
    // Its responder is there for it, and is nobody who would miss it.
    forward(81 * DAY);
    expect(await statusOf(certificate, old)).toEqual({ status: 'good' });
    const standing = (await authority.rollover.status()).find(({ id }) => id === 'issuing');
    expect(standing).toMatchObject({ safeToRemove: true, usage: { valid: 0, lastNotAfter: undefined } });
    expect(standing!.services).toEqual([]);
  });

  it('has a certificate of the CA for that alone, on record like every other, and an encrypted key', async () => {
    const { serialNumber } = await issue();
    const responder = await responderOf(serialNumber);
    expect(nameToString(responder.subject)).toContain('CN=ocsp-issuing');
    expect(responder.extensions.extendedKeyUsage).toEqual([Oid.ocspSigning]);
    expect([...responder.extensions.all.keys()]).toEqual(
      expect.arrayContaining([Oid.ocspNoCheck, Oid.authorityInfoAccess]),
    );
    expect(responder.extensions.authorityInfoAccess?.map(({ accessMethod }) => accessMethod)).toEqual([Oid.caIssuers]);
    const rows = await listAudit(authority.store.database, 0, 1000);
    expect(rows.filter(({ subject }) => subject === responder.serialNumber).map(({ phase }) => phase)).toEqual([
      'intent',
      'result',
    ]);
    expect(await authority.audit.verify()).toMatchObject({ ok: true });
    expect(await authority.ca.find(responder.serialNumber)).toMatchObject({ profile: 'ocsp-responder' });
    expect(keyFiles()).toEqual(['ocsp-issuing_ca.key.pem']);
    expect(authority.ocsp!.standing).toEqual({
      responders: [{ issuer: 'issuing', notAfter: responder.notAfter, hasFailed: false }],
      lastSigned: new Date(Math.floor(clock.getTime() / 1000) * 1000),
    });
    // Another process takes up what is there.
    const other = await temporary.reopen({ settings: authority.settings, create: false });
    const { der } = await ask(requestOf(serialNumber, other.ca.issuing.certificate), other);
    expect(decodeOcspResponse(der).basic!.certificates[0]!.der).toEqual(responder.der);
  });

  it('is made once for all who ask first, and of a node with a key of its own another', async () => {
    const issuer = authority.ca.issuing.certificate;
    const nonces = Array.from({ length: 5 }, (_, i) => requestOf('7f', issuer, 'sha1', Buffer.of(i)));
    await askAll(nonces);
    const responders = async () => (await authority.ca.list({ service: 'ocsp-issuing' })).rows;
    expect(await responders()).toHaveLength(1);
    const key = join(temporary.folder, 'certs/ca/ocsp-issuing_ca.key.pem');
    renameSync(key, `${key}.elsewhere`);
    const node = await temporary.reopen({ settings: authority.settings });
    expect(await statusOf({ serialNumber: '7f' }, issuer, node)).toEqual({ status: 'unknown' });
    expect(new Set((await responders()).map(({ spki_sha256: digest }) => digest)).size).toBe(2);
  });

  it('is renewed beside the answers a week before its end, and before an answer when it is over', async () => {
    const { serialNumber } = await issue();
    const first = await responderOf(serialNumber);
    expect(first.notAfter.getTime() - clock.getTime()).toBeGreaterThan(13.9 * DAY);
    forward(6.9 * DAY);
    expect(await responderOf(serialNumber)).toEqual(first);
    forward(0.2 * DAY);
    const renewed = new Promise((resolve) => authority.events.on('certificate.issued', resolve));
    expect(await responderOf(serialNumber)).toEqual(first);
    await renewed;
    let second = first;
    while (second.serialNumber === first.serialNumber) second = await responderOf(serialNumber);
    expect(second.notAfter.getTime()).toBeGreaterThan(first.notAfter.getTime());
    forward(20 * DAY);
    const third = await responderOf(serialNumber);
    expect(third.notBefore.getTime()).toBeGreaterThan(second.notAfter.getTime());
    expect(await statusOf({ serialNumber })).toEqual({ status: 'good' });
  });

  it('is made once where the root above ends sooner than its CA, and has no successor in the last week', async () => {
    const folder = temporaryFolder();
    const settings = { ...temporarySettings(folder), ocsp: true };
    const store = await openStore({ path: join(folder, 'var/veritas.db') });
    try {
      const external = new ExternalRootService({ settings, store });
      const { publicKey, subject } = (await external.request(somebody)).request;
      const root = TestCa.root({ notAfter: new Date(clock.getTime() + 5 * DAY) });
      const keyPair = { publicKey: publicKey.keyObject, privateKey: root.key };
      const { certificate } = root.intermediate({ keyPair, subject, pathLenConstraint: 0 });
      await external.install(certificate, root.certificate, somebody);
      const open = () => openCertificationAuthority({ settings, store, now: () => clock });
      const [one, two] = [await open(), await open()];
      for (const each of [one, one, one, two, two])
        expect(await statusOf({ serialNumber: '7f' }, certificate, each)).toEqual({ status: 'unknown' });
      // Its key is elsewhere, and so is whoever answers for it.
      expect(await statusOf(certificate, root.certificate, one)).toEqual({ status: 'unauthorized' });
      const { rows } = await one.ca.list({ service: 'ocsp-issuing' });
      expect(rows.map(({ not_after: notAfter }) => notAfter)).toEqual([root.certificate.notAfter.getTime()]);
    } finally {
      await store.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('has its key opened, and kept, while there is a passphrase that can be read once', async () => {
    const passphrase = openSync(temporary.settings.passphraseFile, 'r');
    const passphraseFile = `/dev/fd/${passphrase}`;
    authority = await temporary.reopen({ settings: { ...temporary.settings, ocsp: true, passphraseFile } });
    await authority.ca.openKeys();
    closeSync(passphrase);
    const certificate = await issue();
    expect(await statusOf(certificate)).toEqual({ status: 'good' });
    const before = await responderOf(certificate.serialNumber);
    forward(14 * DAY);
    expect(await statusOf(certificate)).toEqual({ status: 'good' });
    expect((await responderOf(certificate.serialNumber)).serialNumber).not.toBe(before.serialNumber);
  });

  it('goes on with what it has when it cannot be renewed, and never signs with what is over', async () => {
    const { serialNumber } = await issue();
    const kept = await ask(requestOf(serialNumber, authority.ca.issuing.certificate));
    const failures: unknown[] = [];
    authority.events.on('background.failed', ({ task }) => failures.push(task));
    const key = join(temporary.folder, 'certs/ca/issuing_ca.key.pem');
    // A process that has not opened the CA's key yet, and then cannot.
    const other = await temporary.reopen({ settings: authority.settings, create: false, events: authority.events });
    expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'good' });
    renameSync(key, `${key}.away`);
    forward(8 * DAY);
    expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'good' });
    while (!failures.includes('ocsp.responder')) await new Promise((resolve) => setImmediate(resolve));
    forward(7 * DAY);
    expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'internalError' });
    expect(failures).toContain('ocsp.answer');
    const { length } = await listAudit(other.store.database, 0, 1000);
    // Whoever goes on asking does not fill the record.
    expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'internalError' });
    expect(await listAudit(other.store.database, 0, 1000)).toHaveLength(length);
    renameSync(`${key}.away`, key);
    forward(11_000);
    expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'good' });
    expect(kept.caching!.nextUpdate.getTime()).toBeLessThan(clock.getTime());
  });

  it('goes on with what it has in a process that begins in the last week, while it cannot be renewed', async () => {
    const { serialNumber } = await issue();
    const responder = await responderOf(serialNumber);
    const key = join(temporary.folder, 'certs/ca/issuing_ca.key.pem');
    renameSync(key, `${key}.away`);
    forward(13 * DAY);
    const other = await temporary.reopen({ settings: authority.settings, create: false });
    expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'good' });
    const [certificate] = decodeOcspResponse(
      (await ask(requestOf(serialNumber, other.ca.issuing.certificate), other)).der,
    ).basic!.certificates;
    expect(certificate!.serialNumber).toBe(responder.serialNumber);
    forward(DAY);
    expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'internalError' });
    renameSync(`${key}.away`, key);
    forward(11_000);
    expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'good' });
  });

  it.each(['begins when it is gone', 'goes on'])(
    'of a removed CA whose key was destroyed serves to its end, in a process that %s; then it is not ours to say, and nobody misses the key',
    async (process) => {
      const certificate = await issue();
      const old = authority.ca.issuing.certificate;
      await revoke(certificate);
      const failures: unknown[] = [];
      const events = new EventBus();
      events.on('background.failed', ({ task }) => failures.push(task));
      const open = () => temporary.reopen({ settings: authority.settings, create: false, events });
      const running = process === 'goes on' ? await open() : undefined;
      for (const step of ['prepare', 'publish', 'activate', 'retire'] as const)
        await authority.rollover.take({ step, requester: somebody });
      expect(await statusOf(certificate, old)).toMatchObject({ status: 'revoked' });
      if (running) expect(await statusOf(certificate, old, running)).toMatchObject({ status: 'revoked' });
      await authority.rollover.take({ step: 'remove', requester: somebody });
      rmSync(join(temporary.folder, 'certs/ca/issuing_ca.key.pem'));
      forward(13 * DAY);
      const other = running ?? (await open());
      await other.followIssuers();
      await other.ocsp!.prepare();
      for (let i = 0; i < 2; i++) expect(await statusOf(certificate, old, other)).toMatchObject({ status: 'revoked' });
      forward(2 * DAY);
      await other.ocsp!.prepare();
      expect(await statusOf(certificate, old, other)).toEqual({ status: 'unauthorized' });
      expect(other.ocsp!.standing.responders.filter(({ issuer }) => issuer === 'issuing')).toEqual([
        { issuer: 'issuing', notAfter: undefined, hasFailed: false },
      ]);
      expect(failures).toEqual([]);
    },
  );

  it('answers nothing beyond its own end', async () => {
    const { serialNumber } = await issue();
    const responder = await responderOf(serialNumber);
    renameSync(
      join(temporary.folder, 'certs/ca/issuing_ca.key.pem'),
      join(temporary.folder, 'certs/ca/issuing_ca.key.pem.away'),
    );
    const other = await temporary.reopen({ settings: authority.settings, create: false });
    forward(6 * DAY);
    await statusOf({ serialNumber }, undefined, other);
    forward(responder.notAfter.getTime() - clock.getTime() - 600_000);
    const { caching } = await ask(requestOf(serialNumber, other.ca.issuing.certificate), other);
    expect(caching!.nextUpdate).toEqual(responder.notAfter);
  });

  it('is replaced when it is revoked, with a new key when that was compromised', async () => {
    const { serialNumber } = await issue();
    const request = requestOf(serialNumber, authority.ca.issuing.certificate);
    const kept = await ask(request);
    const first = await responderOf(serialNumber);
    await revoke(first, 'superseded');
    expect((await ask(request)).der).not.toEqual(kept.der);
    const second = await responderOf(serialNumber);
    expect(second.publicKey.der).toEqual(first.publicKey.der);
    await revoke(second, 'keyCompromise');
    const third = await responderOf(serialNumber);
    expect(third.publicKey.der).not.toEqual(first.publicKey.der);
    expect(keyFiles()).toEqual(['ocsp-issuing_ca.key.pem', 'ocsp2-issuing_ca.key.pem']);
    expect(await statusOf({ serialNumber })).toEqual({ status: 'good' });
  });

  it('does not use a key that others may read', async () => {
    const { serialNumber } = await issue();
    await responderOf(serialNumber);
    chmodSync(join(temporary.folder, 'certs/ca/ocsp-issuing_ca.key.pem'), 0o644);
    const failed: unknown[] = [];
    const events = new EventBus();
    events.on('background.failed', ({ task, error }) => failed.push([task, (error as { code?: string }).code]));
    const other = await temporary.reopen({ settings: authority.settings, create: false, events });
    for (let times = 0; times < 2; times++)
      expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'internalError' });
    // Anybody may ask any number of times: neither is told of, nor tried, again for ten seconds.
    expect(failed).toEqual([
      ['ocsp.responder', 'key_file_exposed'],
      ['ocsp.answer', 'key_file_exposed'],
    ]);
    // The service starts without it; who is asked to make it says that it cannot be used.
    await other.ocsp!.open();
    await expect(other.ocsp!.prepare()).rejects.toMatchObject({ code: 'key_file_exposed' });
    // Mended, it is looked at again though the clock was set back to before the failure.
    chmodSync(join(temporary.folder, 'certs/ca/ocsp-issuing_ca.key.pem'), 0o600);
    forward(-HOUR / 60);
    expect(await statusOf({ serialNumber }, undefined, other)).toEqual({ status: 'good' });
    expect(other.ocsp!.standing.responders.filter(({ hasFailed }) => hasFailed)).toEqual([]);
  });
});

describe('a token', () => {
  beforeEach(open);
  afterEach(() => temporary.close());

  it('is for what the lint finds nothing in, and signs once', async () => {
    const { serialNumber } = await issue();
    const certificate = await responderOf(serialNumber);
    const { certificate: issuer, issuer: signer } = authority.ca.issuing;
    const responder = { issuer, certificate, algorithm: signer.algorithm };
    const certIds = [certIdOf(issuer, serialNumber)];
    const [certId] = certIds;
    const terms = (nextUpdate: Date) => ({
      request: { certIds, nonce: undefined },
      producedAt: clock,
      responses: [{ certId: certId!, certStatus: { status: 'good' } as const, thisUpdate: clock, nextUpdate }],
    });
    const token = new OcspToken(responder, terms(new Date(clock.getTime() + HOUR)));
    expect(token.spend()).toBeInstanceOf(Uint8Array);
    expect(() => token.spend()).toThrow(expect.objectContaining({ code: 'token_spent' }));
    expect(() => new OcspToken(responder, terms(new Date(clock.getTime() - HOUR)))).toThrow(/ocsp-next-update/);
    const other = { ...responder, certificate: issuer };
    expect(() => new OcspToken(other, terms(new Date(clock.getTime() + HOUR)))).toThrow(/ocsp-responder-purpose/);
  });
});

describeOnEachStore('OCSP', (_, newPlace) => {
  beforeEach(() => {
    clock = new Date();
  });

  it('good, revoked and unknown; two processes have one responder', async () => {
    const folder = temporaryFolder();
    const place = await newPlace();
    const settings = { ...temporarySettings(folder), ocsp: true };
    const stores = [await openStore(place.options), await openStore(place.options)];
    try {
      const [one, two] = [
        await openCertificationAuthority({ settings, store: stores[0]!, create: true, now: () => clock }),
        await openCertificationAuthority({ settings, store: stores[1]!, now: () => clock }),
      ];
      const issuer = one.ca.issuing.certificate;
      const [good, revoked] = [await issue(one), await issue(two)];
      await one.ca.revoke({ serialNumber: revoked.serialNumber, requester: somebody });
      await two.registry.refresh();
      for (const each of [one, two]) {
        expect(await statusOf(good, issuer, each)).toEqual({ status: 'good' });
        expect(await statusOf(revoked, issuer, each)).toMatchObject({ status: 'revoked' });
        expect(await statusOf({ serialNumber: '7f' }, issuer, each)).toEqual({ status: 'unknown' });
      }
      const { rows } = await one.ca.list({ service: 'ocsp-issuing' });
      expect(rows).toHaveLength(1);
      expect(await one.audit.verify()).toMatchObject({ ok: true });
    } finally {
      for (const store of stores) await store.close();
      await place.remove();
      rmSync(folder, { recursive: true });
    }
  });
});
