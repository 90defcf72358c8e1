import { beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { certificationRequestPem } from '../../test/support/certification-request.js';
import { commandLine, type Run } from '../../test/support/command-line.js';
import { temporaryFolder } from '../../test/support/folder.js';
import { ROLES } from '../configuration/index.js';
import { runCommandLine } from './program.js';

describe('what a stranger types', () => {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const environment = {
    VERITAS_CONFIG: path('veritas.yaml'),
    VERITAS_PKI_DIRECTORY: path('certs/ca'),
    VERITAS_PKI_PASSPHRASE_FILE: path('certs/ca/passphrase'),
    VERITAS_STORE_PATH: path('var/veritas.db'),
    VERITAS_TLS_CA_FILE: path('certs/ca_bundle.pem'),
  };
  const run = (args: readonly string[], more: Record<string, string> = {}, input = ''): Promise<Run> =>
    commandLine(args, { ...environment, ...more }, { input });
  beforeAll(async () => {
    writeFileSync(path('veritas.yaml'), '{}\n');
    writeFileSync(path('secret'), 'correct horse battery staple\n', { mode: 0o600 });
    writeFileSync(path('file'), '');
    mkdirSync(path('folder'), { mode: 0o755 });
    writeFileSync(path('large'), Buffer.alloc(70_000), { mode: 0o600 });
    // root, as whom tests run in containers, may look into every folder: a link that leads to itself is another way to be there unseen.
    symlinkSync('unseen', path('unseen'));
    expect(await run(['setup'])).toMatchObject({ code: 0, err: '' });
    expect(await run(['issue', '--service', 'orders', '--cert', path('a.pem'), '--key', path('a.key')])).toMatchObject({
      code: 0,
    });
  });

  it.each([
    ['show', '{}'],
    ['ocsp', '{}'],
    ['crl', '--out', '{}'],
    ['ca', 'request', '--out', '{}'],
    ['audit', 'export', '--out', '{}'],
    ['issue', '--service', 'other', '--cert', '{}', '--key', 'other.key'],
    ['backup', '--passphrase-file', 'secret', '--out', '{}'],
  ])('what cannot be looked at is not said to be absent: %s %s %s %s', async (...args) => {
    const unseen = path('unseen/file');
    const written = args.map((arg) => (arg === '{}' ? unseen : /^(?:secret|other\.key)$/.test(arg) ? path(arg) : arg));
    expect(await run(written)).toEqual({
      code: 3,
      out: '',
      err: `veritas: ${unseen} cannot be read (ELOOP): look at its name and its permissions\n`,
    });
  });

  it('nor is a store, which decides what is revoked', async () => {
    const store = path('unseen/veritas.db');
    const verdicts = [
      ['list'],
      ['services', 'allow', 'orders'],
      ['verify', path('a.pem')],
      ['restore', path('none.age'), '--passphrase-file', path('secret')],
    ].map((args) => run(args, { VERITAS_STORE_PATH: store, VERITAS_MTLS_REVOCATION: 'off' }));
    for (const verdict of await Promise.all(verdicts))
      expect(verdict).toEqual({ code: 3, out: '', err: expect.stringContaining('cannot be read (ELOOP)') });
  });

  it('a backup below a file says what is in its way', async () => {
    const out = path('file/veritas.age');
    expect(await run(['backup', '--passphrase-file', path('secret'), '--out', out])).toMatchObject({
      code: 3,
      err: `veritas: ${out} cannot be written (ENOTDIR): look at its folder, its permissions and the space on the disk\n`,
    });
  });

  it('a folder where the backup is meant', async () => {
    expect(await run(['restore', folder, '--passphrase-file', path('secret')])).toEqual({
      code: 3,
      out: '',
      err: `veritas: ${folder} cannot be read (EISDIR): look at its name and its permissions\n`,
    });
  });

  it.each([
    ['a folder', path('folder'), 'is not a file'],
    ['a device', '/dev/null', 'is not a file'],
    ['a file of some size', path('large'), 'is too large for a key or a passphrase'],
  ])(
    '%s where a secret is meant: nobody is told to change its permissions, or to put back a key of the CA',
    async (_, named, says) => {
      expect(await run(['verify', path('a.pem'), '--key', named])).toEqual({
        code: 3,
        out: '',
        err: `veritas: ${named} ${says}: name the file that holds the secret\n`,
      });
    },
  );

  it.each([
    [['list', '--limit', '10000000'], 'write a whole number from 1 to 9999999.'],
    [
      ['services', 'allow', 'orders', '--expected-version', '10000000000'],
      'write a whole number from 0 to 9999999999.',
    ],
  ])('%j: the bound is named', async (args, says) => {
    expect(await run(args)).toMatchObject({ code: 2, err: expect.stringContaining(says) });
  });

  it('a folder is made for what is issued, and for nothing else', async () => {
    const args = ['issue', '--service', 'deep', '--cert', path('deep/a/x.pem'), '--key', path('deep/b/x.key')];
    expect(await run([...args, '--ttl', '9999d'])).toMatchObject({ code: 1 });
    expect(existsSync(path('deep'))).toBe(false);
    expect(await run(args)).toMatchObject({ code: 0 });
    expect([statSync(path('deep/a')).mode & 0o777, statSync(path('deep/b')).mode & 0o777]).toEqual([0o755, 0o700]);
  });

  it.each([
    ['issue', '--service', 'nobody', '--key', '{}'],
    ['sign', '-', '--service', 'nobody'],
  ])('nothing is issued where there can be no folder for it: %s', async (...args) => {
    const keyFile = path('nobody.key');
    const written = args.map((arg) => (arg === '{}' ? keyFile : arg));
    expect(await run([...written, '--cert', path('file/a/x.pem')], {}, certificationRequestPem())).toMatchObject({
      code: 3,
      err: expect.stringMatching(/cannot be written \(ENOTDIR\): look at its folder, .*\[file_unwritable\]\n$/),
    });
    expect([existsSync(keyFile), await run(['list', '--service', 'nobody', '--json'])]).toEqual([
      false,
      expect.objectContaining({ out: '[]\n' }),
    ]);
  });

  it('a log that there is not', async () => {
    const log = path('none.log');
    expect(await run(['doctor', '--request', '9b1f6c3d02ae-4', '--log', log])).toEqual({
      code: 3,
      out: '',
      err: `veritas: ${log} cannot be read (ENOENT): name the file that the log of the service goes to, or pipe it: --log -\n`,
    });
  });

  it.each([
    ['ocsp', '{}', '--out', '{}'],
    ['renew', '--daemon', '--cert', '{}', '--key', 'a.key', '--metrics', '{}'],
    ['renew', '--daemon', '--cert', 'orders.pem', '--key', 'a.key', '--ca', '{}', '--metrics', '{}'],
  ])('what a command reads is not replaced by what it writes: %s %s %s %s', async (...args) => {
    const read = path('a.pem');
    const before = readFileSync(read);
    const written = args.map((arg) => (arg === '{}' ? read : /^(?:a\.key|orders\.pem)$/.test(arg) ? path(arg) : arg));
    expect(await run(written)).toEqual({
      code: 1,
      out: '',
      err: `veritas: ${read} is what this command reads, which is never overwritten: name another file\n`,
    });
    expect(readFileSync(read)).toEqual(before);
  });

  it('a role that there is not: those that there are', async () => {
    const { code, err } = await run(['services', 'allow', 'orders', '--role', 'king']);
    expect([code, err]).toEqual([1, expect.stringContaining(`there is no role "king", only ${ROLES.join(', ')}`)]);
    const help = await run(['services', 'allow', '--help']);
    expect(help.out.replaceAll(/\s+/g, ' ')).toContain(`a role: ${ROLES.join(', ')}; can be repeated`);
  });

  it.each([
    ['--at', '0.5', 'leave it out, or see --before'],
    ['--metrics', path('worker.prom'), 'leave it out, or renew as a process'],
  ])('%s says nothing without --daemon', async (flag, value, mend) => {
    expect(await run(['renew', '--cert', path('a.pem'), '--key', path('a.key'), flag, value])).toEqual({
      code: 2,
      out: '',
      err: `veritas: ${flag} needs --daemon: ${mend}\n`,
    });
  });

  it('the file of a certificate to revoke, as if it were a serial number', async () => {
    expect(await run(['revoke', path('a.pem')])).toEqual({
      code: 2,
      out: '',
      err: `veritas: ${path('a.pem')} is a file and no serial number: name it with --cert\n`,
    });
  });

  it.each([['issue'], ['token']])('%s for a CA, whose key is made elsewhere', async (verb) => {
    expect(await run([verb, '--service', 'plant', '--profile', 'intermediate'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /^veritas: the profile intermediate is for a CA whose key is elsewhere \(`veritas sign --profile intermediate`\), others are server, .*\[profile_unknown\]\n$/,
      ),
    });
  });

  it('all certificates of a CA that there is not', async () => {
    expect(await run(['revoke', '--issuer', 'isuing'])).toEqual({
      code: 1,
      out: '',
      err: 'veritas: there is no CA "isuing": look the CAs up with `veritas ca show` [issuer_unknown]\n',
    });
  });

  it('a release with the date of a revocation', async () => {
    expect(await run(['revoke', '3f0a', '--release', '--invalidity-date', '1d'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('a release has no reason and no date'),
    });
  });

  it('terms are kept of what is there then: a change meanwhile is not taken back', async () => {
    expect(await run(['services', 'allow', 'orders', '--role', 'admin'])).toMatchObject({ code: 0 });
    // The certificate for the pin is waited for, and meanwhile somebody takes the role away.
    const meanwhile = async function* () {
      expect(await run(['services', 'allow', 'orders', '--role', 'auditor'])).toMatchObject({ code: 0 });
      yield readFileSync(path('a.pem'));
    };
    let err = '';
    const pins = ['--pin', 'ab'.repeat(32), '--pin', '-'];
    const code = await runCommandLine(['services', 'allow', 'orders', '--note', 'hello', ...pins], {
      streams: { out: () => undefined, err: (text) => void (err += text) },
      environment,
      input: () => Readable.from(meanwhile()),
      version: '0.0.0-test',
      now: () => new Date(),
    });
    expect([code, err]).toEqual([1, expect.stringContaining('[version_mismatch]')]);
  });
});
