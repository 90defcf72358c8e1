import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from '@jest/globals';
import {
  BackupReader,
  decryptFromAge,
  openCertificationAuthority,
  type CertificationAuthority,
} from '../../../src/pki/index.js';
import { AuditLog } from '../../../src/audit/index.js';
import { findCertificate, migrationStatus, openStore, serviceHistory, type Store } from '../../../src/store/index.js';
import { decodeCertificate, decodeCertificateList, decodePem, verifySignature } from '../../../src/x509/index.js';
import { COMMANDS, OWN, runCommand } from './commands.js';
import { BACKUP_IDENTITY, backupsOf, type Acknowledged } from './operations.js';
import { quickenKeys, type Place } from './place.js';
import { ENTRY, workerFiles } from './service.js';

/**
 * Opens what a killed process left, as the next start does, and holds it to everything that was acknowledged so far. `goOn` is what is done from
 * there; absent, the store comes without its CA.
 */
export async function checkAfterKill(
  place: Place,
  told: readonly Acknowledged[],
  goOn: ((authority: CertificationAuthority) => Promise<void>) | undefined,
): Promise<void> {
  checkFiles(place);
  for (const path of temporaryFiles(place)) ageFile(path);
  if (told.some(({ kind }) => kind === 'migrated')) expect((await migrationStatus(place.store)).pending).toEqual([]);
  const store = await openStore(place.store);
  try {
    await checkStore(place, store);
    if (goOn) {
      const authority = await openCertificationAuthority({ settings: place.settings, store, create: true });
      expect(temporaryFiles(place).filter((path) => !isOwn(place, path))).toEqual([]);
      await checkAuthority(place, authority, told);
      await checkCommand(place, told);
      await goOn(authority);
      expect(temporaryFiles(place)).toEqual([]);
    }
    expect(await new AuditLog(store).verify()).toMatchObject({ ok: true });
  } finally {
    await store.close();
  }
  checkFiles(place);
}

/** As if it had been killed a while ago: what another process is writing just now is nobody's to remove. */
const ageFile = (path: string): void => {
  utimesSync(path, 0, 0);
};

async function checkAuthority(
  place: Place,
  authority: CertificationAuthority,
  told: readonly Acknowledged[],
): Promise<void> {
  await quickenKeys(place);
  await authority.ca.openKeys();
  await checkTold(authority, told);
  checkRising(told);
  await checkBackups(place, told);
  await checkLists(place, authority);
  await checkRegistry(authority, told);
  await checkRenewed(place, authority, told);
}

const filesOf = ({ folder }: Place): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
const temporaryFiles = (place: Place): string[] =>
  filesOf(place).filter((path) => path.endsWith('.tmp') && !path.startsWith(backupsOf(place.settings)));

/** What no start sweeps. */
const isOwn = ({ folder }: Place, path: string): boolean => path.startsWith(join(folder, OWN));

/** Whatever has its name is whole. */
function checkFiles(place: Place): void {
  for (const path of filesOf(place)) {
    if (path.endsWith('.pem')) expect(decodePem(readFileSync(path, 'latin1')).length).toBeGreaterThan(0);
    if (path.endsWith('.crl')) decodeCertificateList(readFileSync(path));
    if (/(?:key\.pem|passphrase)$/.test(path)) expect([path, statSync(path).mode & 0o077]).toEqual([path, 0]);
  }
}

async function checkStore(place: Place, { database }: Store): Promise<void> {
  if (place.store.path !== undefined) {
    const raw = new DatabaseSync(place.store.path, { readOnly: true });
    expect(raw.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    expect(raw.prepare('pragma foreign_key_check').all()).toEqual([]);
    raw.close();
  }
  const intents = await database
    .selectFrom('audit')
    .select('subject')
    .where('action', '=', 'certificate.issue')
    .where('phase', '=', 'intent')
    .execute();
  // A number is meant for one certificate, whatever became of it; and the certificate that has it has it in its octets.
  expect(new Set(intents.map(({ subject }) => subject)).size).toBe(intents.length);
  const certificates = await database.selectFrom('certificate').select(['serial', 'der', 'fingerprint']).execute();
  for (const { serial, der, fingerprint } of certificates) {
    const certificate = decodeCertificate(der);
    expect([certificate.serialNumber, certificate.fingerprint256]).toEqual([serial, fingerprint]);
  }
}

/** Certificates, revocations and lists that somebody was told of. Of the rest, what goes on from there is refused where it was lost. */
async function checkTold(
  { store: { database }, crls }: CertificationAuthority,
  told: readonly Acknowledged[],
): Promise<void> {
  const rows = await database.selectFrom('certificate').select(['serial', 'fingerprint', 'status']).execute();
  const bySerial = new Map(rows.map((row) => [row.serial, row]));
  const lost = told.filter((each) => {
    if (each.kind === 'issued') return bySerial.get(each.serial)?.fingerprint !== each.fingerprint;
    if (each.kind === 'revoked') return bySerial.get(each.serial)?.status !== 'revoked';
    return each.kind === 'crl' && (crls.current(each.issuer)?.number ?? 0) < each.number;
  });
  expect(lost).toEqual([]);
}

/** Each change of the registry that somebody was told of is there, and each that is there is in the record, with its intent before it. */
async function checkRegistry(
  { store: { database } }: CertificationAuthority,
  told: readonly Acknowledged[],
): Promise<void> {
  const wanted = told.filter((each) => each.kind === 'registered');
  if (wanted.length === 0) return;
  const changes = await serviceHistory(database, ENTRY, { limit: 100_000 });
  const states = new Map(changes.map(({ version, state }) => [version, state]));
  expect(wanted.filter(({ version, state }) => states.get(version) !== state)).toEqual([]);
  const recorded = await database
    .selectFrom('audit')
    .select('phase')
    .where('action', '=', 'service.change')
    .where('subject', '=', ENTRY)
    .orderBy('sequence')
    .execute();
  expect(recorded.map(({ phase }) => phase)).toEqual(changes.flatMap(() => ['intent', 'result']));
}

/** The daemon has a certificate of ours and its key, and none that is older than one that somebody was told of. */
async function checkRenewed(
  place: Place,
  { store: { database } }: CertificationAuthority,
  told: readonly Acknowledged[],
): Promise<void> {
  const { certificateFile, keyFile } = workerFiles(place);
  if (!existsSync(certificateFile)) return;
  const certificate = new X509Certificate(readFileSync(certificateFile));
  const keys = [keyFile, `${keyFile}.old`].filter((path) => existsSync(path));
  expect(keys.some((path) => certificate.checkPrivateKey(createPrivateKey(readFileSync(path))))).toBe(true);
  const issuedAt = async (serial: string): Promise<number | undefined> =>
    (await findCertificate(database, serial))?.issued_at;
  const last = told.findLast((each) => each.kind === 'renewed');
  expect(await issuedAt(certificate.serialNumber.toLowerCase())).toBeGreaterThanOrEqual(
    last ? ((await issuedAt(last.serial)) ?? Infinity) : 0,
  );
}

/** What the last command did that somebody was told of, or the one after it, is seen by another one. */
async function checkCommand(place: Place, told: readonly Acknowledged[]): Promise<void> {
  const last = told.findLast((each) => each.kind === 'command')?.turn;
  if (last === undefined) return;
  const seen = await Promise.all(COMMANDS.slice(last, last + 2).map(({ shows }) => isShown(place, shows)));
  expect({ last, seen }).toEqual({ last, seen: expect.arrayContaining([true]) });
}

async function isShown(place: Place, [args, answer]: (typeof COMMANDS)[number]['shows']): Promise<boolean> {
  const { out } = await runCommand(place, args);
  return out.replaceAll(/\s/g, '').includes(answer);
}

/** Whatever has the name of a backup is one, to its end; what somebody was told of is there. */
async function checkBackups({ settings }: Place, told: readonly Acknowledged[]): Promise<void> {
  const folder = backupsOf(settings);
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.age')) : [];
  for (const name of files) {
    const octets = decryptFromAge(createReadStream(join(folder, name)), { identities: BACKUP_IDENTITY });
    const reader = await BackupReader.open(octets);
    let rows = 0;
    for await (const part of reader.parts()) if (part.kind === 'rows') rows += part.rows.length;
    expect(rows).toBeGreaterThan(0);
  }
  const missing = told.filter((each) => each.kind === 'backup' && !existsSync(join(folder, basename(each.file))));
  expect(missing).toEqual([]);
}

/** The lists in the folder are the last ones of the store, by their issuers; those that are kept rise in number and date. */
async function checkLists(place: Place, { ca, crls, store: { database } }: CertificationAuthority): Promise<void> {
  for (const { id, certificate } of ca.authorities) {
    const rows = await database
      .selectFrom('crl')
      .select('der')
      .where('issuer', '=', id)
      .where('scope', '=', 'complete')
      .orderBy('number')
      .execute();
    const lists = rows.map(({ der }) => decodeCertificateList(der ?? new Uint8Array()));
    expectRising(lists.map(({ extensions }) => Number(extensions.crlNumber)));
    expect(lists.map(({ thisUpdate }) => thisUpdate)).toEqual(
      lists.map(({ thisUpdate }) => thisUpdate).sort((a, b) => a.getTime() - b.getTime()),
    );
    const last = lists.at(-1);
    expect(crls.current(id)?.number).toBe(last && Number(last.extensions.crlNumber));
    if (!last) continue;
    const served = decodeCertificateList(readFileSync(join(place.settings.crlDirectory ?? '', `${id}.crl`)));
    expect(served.extensions.crlNumber).toBe(last.extensions.crlNumber);
    expect(verifySignature(served.signatureAlgorithm, certificate.publicKey, served.tbs, served.signature)).toBe(true);
  }
}

/** Of two lists that somebody was told of, the later one has the higher number. */
function checkRising(told: readonly Acknowledged[]): void {
  const numbers = Map.groupBy(
    told.filter((each) => each.kind === 'crl'),
    ({ issuer }) => issuer,
  );
  for (const lists of numbers.values()) expectRising(lists.map(({ number }) => number));
}

function expectRising(numbers: readonly number[]): void {
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
}
