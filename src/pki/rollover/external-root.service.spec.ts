import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/support/folder.js';
import { somebody, temporarySettings } from '../../../test/support/temporary-authority.js';
import { write } from '../../der/index.js';
import { findCertificate, lastCrlHeader, openStore, type Store } from '../../store/index.js';
import { TestCa } from '../../testing/index.js';
import {
  CrlReason,
  decodeCertificateList,
  encodeExtensionOf,
  encodeRevokedCertificate,
  encodeSigned,
  encodeTbsCertList,
  Oid,
  signOctets,
  type CertificateList,
} from '../../x509/index.js';
import { ExternalRootService } from './external-root.service.js';

let folder: string;
let store: Store;
let service: ExternalRootService;
const root = TestCa.root({ commonName: 'Offline Root' });
let issuing: ReturnType<TestCa['intermediate']>['certificate'];

beforeEach(async () => {
  folder = temporaryFolder();
  store = await openStore({ path: join(folder, 'var/veritas.db') });
  service = new ExternalRootService({ settings: temporarySettings(folder), store });
  const { publicKey, subject } = (await service.request(somebody)).request;
  const keyPair = { publicKey: publicKey.keyObject, privateKey: root.key };
  issuing = root.intermediate({ keyPair, subject, pathLenConstraint: 0 }).certificate;
  await service.install(issuing, root.certificate, somebody);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

interface Entries {
  readonly first?: readonly Uint8Array[];
  readonly reason?: number;
}

/** A list of the root that revokes our issuing CA, behind these entries. */
function listOf(number: bigint, { first = [], reason = CrlReason.cACompromise }: Entries = {}): CertificateList {
  const { algorithm } = signOctets(Uint8Array.of(0), root.key);
  const tbs = encodeTbsCertList({
    signatureAlgorithm: algorithm,
    issuer: root.certificate.subject,
    thisUpdate: new Date(Date.now() - 60_000),
    nextUpdate: new Date(Date.now() + 86_400_000),
    revokedCertificates: [...first, ours(reason)],
    extensions: [encodeExtensionOf.crlNumber(number)],
  });
  return decodeCertificateList(encodeSigned(tbs, algorithm, signOctets(tbs, root.key).signature));
}

const ours = (reason: number): Uint8Array =>
  encodeRevokedCertificate({
    serialNumber: Buffer.from(issuing.serialNumber, 'hex'),
    revocationDate: new Date(Date.now() - 60_000),
    reason,
  });

const entryWith = (oid: string, value: Uint8Array): Uint8Array => {
  const critical = write.sequence(write.oid(oid), write.boolean(true), write.octetString(value));
  return write.sequence(write.integer(7), write.time(new Date()), write.sequence(critical));
};

it('takes lists of the root, and no older one afterwards', async () => {
  const revoked = [issuing.serialNumber];
  const list = listOf(3n);
  expect(await service.installCrl(list, somebody)).toMatchObject({ issuer: 'root', revoked, already: false });
  expect(await service.installCrl(list, somebody)).toMatchObject({ revoked: [], already: true });
  await expect(service.installCrl(listOf(2n), somebody)).rejects.toMatchObject({ code: 'crl_not_accepted' });
});

it('takes no other list under the number of one that it has, which would go on being published', async () => {
  await service.installCrl(listOf(3n, { reason: CrlReason.certificateHold }), somebody);
  const refused = { code: 'crl_not_accepted', message: expect.stringContaining('another list 3 of root is here') };
  await expect(service.checkCrl(listOf(3n), undefined)).rejects.toMatchObject(refused);
  await expect(service.installCrl(listOf(3n), somebody)).rejects.toMatchObject(refused);
  expect(await findCertificate(store.database, issuing.serialNumber)).toMatchObject({
    revocation_reason: 'unspecified',
  });
});

it('takes up a compromise that a later list says, as of the day on which the certificate was revoked', async () => {
  const row = () => findCertificate(store.database, issuing.serialNumber);
  await service.installCrl(listOf(3n, { reason: CrlReason.superseded }), somebody);
  const before = await row();
  expect(before).toMatchObject({ revocation_reason: 'superseded' });
  const revoked = [issuing.serialNumber];
  expect(await service.installCrl(listOf(4n), somebody)).toMatchObject({ revoked });
  expect(await row()).toMatchObject({ revocation_reason: 'cACompromise', revoked_at: before?.revoked_at });
  expect(await service.installCrl(listOf(5n, { reason: CrlReason.superseded }), somebody)).toMatchObject({
    revoked: [],
  });
});

it.each<[string, () => Uint8Array]>([
  ['is no strict DER', () => write.sequence(write.integer(7))],
  ['has a critical extension', () => entryWith('2.999.1', write.nullElement())],
  [
    'is of another issuer (an indirect list, RFC 5280 §5.3.3)',
    () => entryWith(Oid.certificateIssuer, write.sequence(write.explicit(4, TestCa.root().certificate.subject.der))),
  ],
])('takes nothing of a list with an entry that %s', async (_, entry) => {
  await expect(service.installCrl(listOf(3n, { first: [entry()] }), somebody)).rejects.toMatchObject({
    code: 'crl_not_accepted',
  });
  expect(await lastCrlHeader(store.database, { issuer: 'root', scope: 'complete' })).toBeUndefined();
  expect(await service.installCrl(listOf(3n), somebody)).toMatchObject({ revoked: [issuing.serialNumber] });
});
