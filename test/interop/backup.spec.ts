import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { CERTIFICATION_AUTHORITY, type CertificationAuthority } from '../../src/pki/nest/index.js';
import { decodeCertificateList } from '../../src/x509/index.js';
import { commandLine, type Run } from '../support/command-line.js';
import { callerOf, csrOf, newKey, send } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { compileProgram } from '../support/compiled-program.js';
import { temporaryFolder } from '../support/folder.js';
import { describeOnEachStore, type StorePlace } from '../support/postgres.js';
import { environmentIn, getPlain, startIn } from '../support/service.js';

const identity = await generateIdentity();
const recipient = await identityToRecipient(identity);

/** The command line with the settings of a folder. */
const veritas = (environment: Record<string, string>, ...args: string[]): Promise<Run> =>
  commandLine(args, environment);

describeOnEachStore('a service that is backed up and restored elsewhere', (_, newPlace) => {
  const places: StorePlace[] = [];
  afterAll(async () => {
    for (const { remove } of places) await remove();
  });
  /** A folder with a store of its own, and an identity file. */
  const newSite = async () => {
    const place = await newPlace('nothing');
    places.push(place);
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'identity'), `# made for a test\n${identity}\n`, { mode: 0o600 });
    const environment: Record<string, string> = {};
    if (place.options.url !== undefined) {
      environment.VERITAS_STORE_URL_FILE = join(folder, 'url');
      // A URL has a host where it has a user; the socket's folder counts.
      const url = place.options.url.replace('veritas@/', 'veritas@localhost/');
      writeFileSync(join(folder, 'url'), url, { mode: 0o600 });
    }
    return { folder, environment, settings: environmentIn(folder, environment) };
  };

  test('everything acknowledged is in it, what was revoked stays revoked, and no number is used again', async () => {
    const from = await newSite();
    const service = await startIn(from.folder, from.environment);
    const admin = await callerOf(service, 'admin-client');
    const revoked = await callerOf(service, 'veritas-worker');
    const kept = await callerOf(service, 'veritas-agent');
    await veritas(from.settings, 'revoke', revoked.serialNumber);

    // Somebody goes on having certificates issued, over HTTPS, one after the other.
    const acknowledged: string[] = [];
    const stop = new AbortController();
    let latePem = '';
    const issuing = (async () => {
      while (!stop.signal.aborted) {
        const body = { csr: csrOf(newKey(), 'test-client'), profile: 'client' };
        const answer = await send(service.ports.https, {
          method: 'POST',
          path: '/api/v1/certificates',
          tls: admin.tls,
          body,
        });
        if (answer.status !== 201) continue;
        latePem = String(answer.json.chain);
        acknowledged.push(String(answer.json.serial_number));
      }
    })();
    while (acknowledged.length < 5) await delay(5);
    const before = [...acknowledged];
    const file = join(from.folder, 'backup.age');
    expect(await veritas(from.settings, 'backup', '--out', file, '--recipient', recipient)).toMatchObject({
      code: 0,
      err: '',
    });
    const during = acknowledged.length;
    while (acknowledged.length < during + 2) await delay(5);
    stop.abort();
    await issuing;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await veritas(from.settings, 'backup', '--out', file, '--recipient', recipient)).toMatchObject({ code: 1 });

    // After the backup: one more revocation, and a list that says so.
    const late = acknowledged.at(-1) ?? '';
    expect(await veritas(from.settings, 'revoke', late, '--reason', 'superseded')).toMatchObject({ code: 0 });
    expect(await veritas(from.settings, 'revoke', kept.serialNumber)).toMatchObject({ code: 0 });
    await service.close();
    const crl = (id: string): string => join(from.folder, 'var/crl', `${id}.crl`);
    const last = decodeCertificateList(readFileSync(crl('issuing')));

    const to = await newSite();
    const restore = (...more: string[]) =>
      veritas(to.settings, 'restore', file, '--identity-file', join(to.folder, 'identity'), ...more);
    const lists = ['--crl', crl('issuing'), '--crl', crl('root')];
    const refused = await restore(...lists);
    expect([refused.code, refused.err.includes(kept.serialNumber), refused.err.includes(late)]).toEqual([
      1,
      true,
      true,
    ]);
    expect(existsSync(join(to.folder, 'certs/ca/issuing_ca.key.pem'))).toBe(false);
    expect(await veritas(to.settings, 'list')).toMatchObject({ code: 3, out: '' });
    const restored = await restore(...lists, '--apply', '--json');
    expect([restored.code, restored.err]).toEqual([0, '']);
    const passphrase = join(to.folder, 'certs/ca/passphrase');
    copyFileSync(join(from.folder, 'certs/ca/passphrase'), passphrase);

    const again = await startIn(to.folder, to.environment);
    const stored = JSON.parse((await veritas(to.settings, 'list', '--json')).out) as { serial_number: string }[];
    const serials = new Set(stored.map(({ serial_number: serial }) => serial));
    expect(before.filter((serial) => !serials.has(serial))).toEqual([]);
    for (const { tls } of [revoked, kept])
      expect((await get(again.ports.https, '/api/v1/whoami', tls)).json).toMatchObject({ code: 'certificate_revoked' });
    expect((await get(again.ports.https, '/api/v1/whoami', admin.tls)).status).toBe(200);
    const served = decodeCertificateList((await getPlain(again.ports.repository ?? 0, '/crl/issuing.crl')).body);
    expect(Number(served.extensions.crlNumber)).toBeGreaterThan(Number(last.extensions.crlNumber));
    const entriesOf = (list: typeof last) =>
      [...list.revokedCertificates()].map(({ serialNumber }) => serialNumber).sort();
    expect(entriesOf(served)).toEqual(entriesOf(last));
    expect(entriesOf(served)).toContain(late);
    // Issued after the backup and revoked: the store has no row of it, and says so all the same.
    const lost = join(to.folder, 'late.pem');
    writeFileSync(lost, latePem);
    expect((await veritas(to.settings, 'verify', lost)).out).toMatch(/FAIL +revocation: .* was revoked \(/);
    expect((await veritas(to.settings, 'ocsp', lost)).out).toContain('revoked on');
    const { serialNumber } = await callerOf(again, 'test-client');
    expect(acknowledged).not.toContain(serialNumber);
    const { audit } = again.application.get<CertificationAuthority>(CERTIFICATION_AUTHORITY, { strict: false });
    expect(await audit.verify()).toMatchObject({ ok: true });
    await again.close();
  }, 40_000);
});

describe('the commands backup and restore', () => {
  const folder = temporaryFolder();
  const settings = environmentIn(folder);
  const inFolder = (name: string): string => join(folder, name);
  const backup = inFolder('backup.age');
  beforeAll(async () => {
    writeFileSync(inFolder('identity'), identity, { mode: 0o600 });
    writeFileSync(inFolder('passphrase'), 'correct horse battery staple\n', { mode: 0o600 });
    expect(await veritas(settings, 'setup')).toMatchObject({ code: 0 });
    const made = await veritas(settings, 'backup', '--out', backup, '--recipient', recipient, '--json');
    expect([made.code, made.err]).toEqual([0, '']);
    expect(JSON.parse(made.out)).toMatchObject({ file: backup, certificates: 6, crl_numbers: { root: 1, issuing: 1 } });
  });

  test('with a passphrase; lists that are where they were published are found', async () => {
    const sealed = inFolder('sealed.age');
    const passphrase = ['--passphrase-file', inFolder('passphrase')];
    expect(await veritas(settings, 'backup', '--out', sealed, ...passphrase)).toMatchObject({ code: 0 });
    const there = temporaryFolder();
    mkdirSync(join(there, 'var'));
    cpSync(inFolder('var/crl'), join(there, 'var/crl'), { recursive: true });
    const args = ['restore', sealed, ...passphrase];
    const { code, out, err } = await veritas(environmentIn(there), ...args, '--json');
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({
      keys_opened: false,
      issuers: [
        { id: 'root', compared_with: { number: 1, source: join(there, 'var/crl/root.crl') } },
        { id: 'issuing', crl_number: 1, revoked_again: [] },
      ],
    });
    expect(statSync(join(there, 'certs/ca/root_ca.key.pem')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(there, 'certs/ca')).sort()).toEqual(['issuing_ca.key.pem', 'root_ca.key.pem']);
  });

  test('one clear error each, and nothing is left behind but a store without a row', async () => {
    const octets = readFileSync(backup);
    const changed = Buffer.from(octets);
    changed[changed.length - 100] = (changed.at(-100) ?? 0) ^ 1;
    writeFileSync(inFolder('changed.age'), changed);
    writeFileSync(inFolder('cut.age'), octets.subarray(0, -50));
    writeFileSync(inFolder('text.age'), 'not a backup');
    writeFileSync(inFolder('other'), 'another passphrase\n', { mode: 0o600 });
    writeFileSync(inFolder('stranger'), await generateIdentity(), { mode: 0o600 });
    writeFileSync(inFolder('open'), 'another passphrase\n', { mode: 0o644 });
    const there = temporaryFolder();
    const say = (args: string[]) => veritas(environmentIn(there), 'restore', ...args);
    const key = ['--identity-file', inFolder('identity'), '--without-crl'];
    for (const [args, code, words] of [
      [[inFolder('changed.age'), ...key], 3, 'changed or truncated'],
      [[inFolder('cut.age'), ...key], 3, 'changed or truncated'],
      [[inFolder('text.age'), ...key], 3, 'not an age file'],
      [[backup, '--passphrase-file', inFolder('other')], 3, 'not encrypted to this passphrase'],
      [[backup, '--passphrase-file', inFolder('open')], 3, 'open to others'],
      [[backup, '--identity-file', inFolder('stranger')], 3, 'not encrypted to this passphrase or identity'],
      [[backup, '--identity-file', inFolder('other')], 3, 'not an age identity'],
      [[backup], 2, 'either --passphrase-file or --identity-file'],
      [[inFolder('nowhere.age'), ...key], 3, 'ENOENT'],
      [[backup, ...key, '--crl', inFolder('nowhere.crl')], 3, 'cannot be read'],
      [[backup, ...key, '--crl', inFolder('certs/root_ca.pem')], 1, 'cannot be compared with'],
    ] as [string[], number, string][]) {
      const result = await say(args);
      expect([args, result.code, result.err]).toEqual([args, code, expect.stringContaining(words)]);
      expect(result.err.trimEnd().split('\n')).toHaveLength(1);
    }
    expect(readdirSync(there, { recursive: true }).sort()).toEqual(['var', 'var/veritas.db']);
    expect(await veritas(environmentIn(there), 'list')).toMatchObject({ code: 3, out: '' });
    const out = ['backup', '--out', inFolder('nowhere/backup.age'), '--recipient', recipient];
    expect(await veritas(settings, ...out)).toMatchObject({ code: 3, err: expect.stringContaining('ENOENT') });
    const wrong = ['backup', '--out', inFolder('b.age'), '--recipient', 'age1nobody'];
    expect(await veritas(settings, ...wrong)).toMatchObject({
      code: 2,
      err: expect.stringContaining('not a valid age recipient'),
    });
    expect(readdirSync(folder).filter((name) => /^b\.age|tmp/.test(name))).toEqual([]);
    const nothing = ['backup', '--out', inFolder('c.age'), '--recipient', recipient];
    expect(await veritas(environmentIn(there), ...nothing)).toMatchObject({ code: 3 });
  }, 60_000);

  test('what cannot be put in its place leaves nothing but a store without a row', async () => {
    const there = temporaryFolder();
    writeFileSync(join(there, 'certs'), 'a file where a folder should be');
    const args = ['restore', backup, '--identity-file', inFolder('identity'), '--without-crl'];
    expect(await veritas(environmentIn(there), ...args)).toMatchObject({ code: 3 });
    // It may be another restore that fills the store meanwhile: whoever fails does not take it away.
    expect(readdirSync(join(there, 'var'))).toEqual(['veritas.db']);
    expect(await veritas(environmentIn(there), 'list')).toMatchObject({ code: 3, out: '' });
    rmSync(join(there, 'certs'));
    expect(await veritas(environmentIn(there), ...args)).toMatchObject({ code: 0 });
  });
});

test('killed at any moment, a backup leaves no half file, and a restore is finished by running it again', async () => {
  const folder = temporaryFolder();
  compileProgram(folder);
  writeFileSync(join(folder, 'identity'), identity, { mode: 0o600 });
  const start = (site: string, args: readonly string[]) => {
    mkdirSync(join(folder, site), { recursive: true });
    const cwd = join(folder, site);
    const program = [join(folder, 'bin/veritas.js'), ...args];
    return spawn(process.execPath, program, { cwd, env: { PATH: process.env.PATH }, stdio: 'ignore' });
  };
  const run = async (site: string, ...args: string[]): Promise<number> => {
    const { code } = await veritas(environmentIn(join(folder, site)), ...args);
    return code;
  };
  const killed = async (site: string, milliseconds: number, ...args: string[]): Promise<void> => {
    const child = start(site, args);
    const ended = once(child, 'exit');
    await Promise.race([delay(milliseconds, undefined, { ref: false }), ended]);
    child.kill('SIGKILL');
    await ended;
  };
  const path = (...names: string[]): string => join(folder, ...names);
  expect(await run('a', 'setup')).toBe(0);
  const began = performance.now();
  await killed('a', 60_000, 'backup', '--out', 'whole.age', '--recipient', recipient);
  const whole = performance.now() - began;
  const identityFile = ['--identity-file', path('identity')];
  const lists = ['--crl', path('a/var/crl/root.crl'), '--crl', path('a/var/crl/issuing.crl'), '--apply'];
  for (const round of ['b', 'c']) {
    const at = whole * (0.6 + Math.random() * 0.5);
    await killed('a', at, 'backup', '--out', `${round}.age`, '--recipient', recipient);
    // Whole, or not there.
    const made = path('a', existsSync(path('a', `${round}.age`)) ? `${round}.age` : 'whole.age');
    const restore = ['restore', made, ...identityFile, ...lists];
    await killed(round, at, ...restore);
    // Done before it was killed, or now.
    const code = await run(round, ...restore);
    const keys = readdirSync(path(round, 'certs/ca')).filter((name) => !name.startsWith('.'));
    expect([code === 0 || code === 1, keys]).toEqual([true, ['issuing_ca.key.pem', 'root_ca.key.pem']]);
    copyFileSync(path('a/certs/ca/passphrase'), path(round, 'certs/ca/passphrase'));
    expect(await run(round, 'audit', 'verify')).toBe(0);
    expect(
      await run(round, 'issue', '--service', 'orders', '--cert', path('o.pem'), '--key', path(`${round}.key`)),
    ).toBe(0);
  }
}, 60_000);
