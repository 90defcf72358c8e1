import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newKey } from '../../test/support/certificate-client.js';
import { temporaryFolder, writeFiles } from '../../test/support/folder.js';
import { LogLines } from '../../test/support/guarded-app.js';
import { SimulatedTime } from '../../test/support/simulated-time.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../../test/support/temporary-authority.js';
import { requestFor } from '../pki/index.js';
import { countCertificates } from '../store/index.js';
import { serverRenewal } from './server-renewal.js';
import { TestCa } from '../testing/index.js';
import { DEFAULT_TLS_SETTINGS, readTlsMaterial, serverOptions, TlsReloader } from '../tls/index.js';

const HOUR = 3_600_000;
let place: TemporaryAuthority;
const time = new SimulatedTime();
beforeAll(async () => {
  place = await openTemporaryAuthority({ now: () => time.now() });
});
afterAll(() => place.close());

/** How many certificates were issued to the listeners. */
const issued = (): Promise<number> => countCertificates(place.store.database, { service: 'ca.local' });

/** A listener with a certificate of 24 hours, of our CA or as given, and what keeps it from ending. */
async function listener(given?: { readonly chainPem: string; readonly keyPem: string }, key = newKey()) {
  const names = [{ kind: 'dns', value: 'localhost' }] as const;
  const wanted = {
    request: requestFor(key, 'ca.local'),
    profile: 'server',
    service: 'ca.local',
    names,
    requester: somebody,
  };
  const keyPem = given?.keyPem ?? key.export({ format: 'pem', type: 'pkcs8' });
  const chainPem = given?.chainPem ?? (await place.authority.ca.issue(wanted)).chainPem;
  const paths = writeFiles(temporaryFolder(), { cert: chainPem, key: keyPem });
  const files = { certificateFile: paths.cert, keyFile: paths.key };
  const settings = {
    ...DEFAULT_TLS_SETTINGS,
    sessionTimeout: 300,
    sessionTickets: true,
    clientAuth: 'optional',
  } as const;
  const material = await readTlsMaterial(files, time.now());
  const server = createServer(serverOptions(settings, material));
  const trust = { isBroken: false };
  const reloader = new TlsReloader(server, settings, files, material, {
    interval: HOUR,
    clock: time.now,
    report: () => undefined,
    check: () => {
      if (trust.isBroken) throw new Error('the CA file cannot be used');
    },
  });
  const log = new LogLines();
  const agent = serverRenewal(place.authority, files, reloader, log, { clock: time.now, timer: time.timer });
  return { files, reloader, log, agent, server, trust };
}

test('the certificate of the service renews itself: same names, new key, in use at once, told as an event and in the log', async () => {
  const { files, reloader, log, agent } = await listener();
  const before = reloader.material.certificate;
  const told: unknown[] = [];
  const off = place.authority.events.on('renewal.done', (event) => told.push(event));
  await agent.start();
  await time.pass(13 * HOUR);
  expect(reloader.material.certificate.serialNumber).toBe(before.serialNumber);
  await time.pass(4 * HOUR);
  const { serialNumber, notAfter, extensions, publicKey, subject } = reloader.material.certificate;
  expect([extensions.subjectAltName, subject.key]).toEqual([before.extensions.subjectAltName, before.subject.key]);
  expect(publicKey.der).not.toEqual(before.publicKey.der);
  expect(readFileSync(files.certificateFile, 'utf8')).toBe(reloader.material.certificatePem);
  expect(told).toEqual([{ serialNumber, previousSerialNumber: before.serialNumber, notAfter }]);
  expect(log.events('certificate_renewed')).toEqual([
    expect.objectContaining({ serialNumber, previous: before.serialNumber }),
  ]);
  off();
  await agent.stop();
});

test('the kind of its key stays', async () => {
  const { reloader, agent } = await listener(undefined, generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey);
  const before = reloader.material.certificate;
  await agent.start();
  await time.pass(17 * HOUR);
  const { serialNumber, publicKey } = reloader.material.certificate;
  expect(serialNumber).not.toBe(before.serialNumber);
  expect(publicKey.parameters).toEqual({ type: 'ec', curve: 'P-384' });
  await agent.stop();
});

test('what stands in the way is told as a warning, then as an error, long before the end; and gone, it is renewed', async () => {
  const { files, reloader, log, agent } = await listener();
  const before = reloader.material.certificate;
  const told: { readonly level: string; readonly notAfter: Date | undefined }[] = [];
  const off = place.authority.events.on('renewal.failed', (event) => told.push(event));
  mkdirSync(`${files.keyFile}.old`);
  const count = await issued();
  await agent.start();
  await time.pass(21 * HOUR);
  expect(told[0]).toMatchObject({ level: 'warn', attempt: 1, notAfter: before.notAfter });
  expect(told.at(-1)).toMatchObject({ level: 'error', notAfter: before.notAfter });
  expect(log.lines.map(({ level }) => level)).toEqual(told.map(({ level }) => level));
  expect(JSON.stringify(log.lines)).not.toContain('PRIVATE');
  // What cannot be stored is not asked for.
  expect(await issued()).toBe(count);
  rmSync(`${files.keyFile}.old`, { recursive: true });
  await time.pass(HOUR);
  expect(reloader.material.certificate.serialNumber).not.toBe(before.serialNumber);
  off();
  await agent.stop();
});

test('one that is in its files and was not taken up is told of, and not followed by another', async () => {
  const { reloader, log, agent, trust } = await listener();
  const before = reloader.material.certificate;
  const count = await issued();
  trust.isBroken = true;
  await agent.start();
  await time.pass(20 * HOUR);
  expect(await issued()).toBe(count + 1);
  expect(log.events('certificate_renewed')).toEqual([]);
  expect(log.events('renewal_failed').at(-1)).toMatchObject({ reason: expect.stringContaining('is not taken up') });
  trust.isBroken = false;
  await time.pass(HOUR);
  expect(reloader.material.certificate.serialNumber).not.toBe(before.serialNumber);
  expect(await issued()).toBe(count + 1);
  await agent.stop();
});

test('what an operator put in place of one that could not be renewed ends its failures, which is told as an event', async () => {
  const { files, reloader, agent } = await listener();
  const told: string[] = [];
  const offs = (['renewal.failed', 'renewal.unneeded'] as const).map((name) =>
    place.authority.events.on(name, () => told.push(name)),
  );
  mkdirSync(`${files.keyFile}.old`);
  await agent.start();
  await time.pass(17 * HOUR);
  expect(new Set(told.splice(0))).toEqual(new Set(['renewal.failed']));
  const given = await listener();
  for (const name of ['keyFile', 'certificateFile'] as const) copyFileSync(given.files[name], files[name]);
  await reloader.reload();
  await time.pass(HOUR);
  expect(told).toEqual(['renewal.unneeded']);
  for (const off of offs) off();
  await agent.stop();
});

test('a certificate of another CA is left alone', async () => {
  const other = TestCa.root().issue({
    commonName: 'ca.local',
    notBefore: time.now(),
    notAfter: new Date(time.now().getTime() + 24 * HOUR),
  });
  const { reloader, log, agent, server } = await listener(other);
  await agent.start();
  await time.pass(23 * HOUR);
  expect([reloader.material.certificate.serialNumber, log.lines]).toEqual([other.certificate.serialNumber, []]);
  await agent.stop();
  await once(server.listen(0), 'listening');
  server.close();
});
