import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { commandLine, type Run } from '../../test/support/command-line.js';
import { temporaryFolder } from '../../test/support/folder.js';
import { TestCa, type TestCertificateOptions } from '../testing/index.js';
import {
  CrlReason,
  decodeCertificateList,
  decodeCertificationRequest,
  encodeExtensionOf,
  encodePem,
  nameToString,
  octetsFromPemOrDer,
  type CertificationRequest,
} from '../x509/index.js';

describe('a root that is kept elsewhere', () => {
  let folder: string;
  let root: TestCa;
  const path = (name: string): string => join(folder, name);
  const run = (...args: string[]): Promise<Run> =>
    commandLine(args, {
      VERITAS_CONFIG: path('veritas.yaml'),
      VERITAS_PKI_DIRECTORY: path('certs/ca'),
      VERITAS_PKI_PASSPHRASE_FILE: path('certs/ca/passphrase'),
      VERITAS_STORE_PATH: path('var/veritas.db'),
      VERITAS_TLS_CA_FILE: path('certs/ca_bundle.pem'),
    });
  const json = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { code, out, err } = await run(...args, '--json');
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
    return JSON.parse(out) as Record<string, unknown>;
  };
  const request = async (): Promise<CertificationRequest> => {
    await json('ca', 'request', '--out', path('issuing.csr'));
    const [octets] = octetsFromPemOrDer(readFileSync(path('issuing.csr')), 'CERTIFICATE REQUEST');
    return decodeCertificationRequest(octets);
  };
  /** What a backup is encrypted to and decrypted by. A key: to derive one from a passphrase takes a second of the processor. */
  const backupKey = async (): Promise<{ readonly to: string[]; readonly by: string[] }> => {
    const identity = await generateIdentity();
    writeFileSync(path('identity'), identity, { mode: 0o600 });
    return { to: ['--recipient', await identityToRecipient(identity)], by: ['--identity-file', path('identity')] };
  };
  /** The root's answer, in a file. */
  const sign = (
    { publicKey, subject }: CertificationRequest,
    options: TestCertificateOptions = {},
    by = root,
  ): TestCa => {
    const keyPair = { publicKey: publicKey.keyObject, privateKey: root.key };
    const signed = by.intermediate({ keyPair, subject, pathLenConstraint: 0, ...options });
    writeFileSync(path('issuing.pem'), signed.certificatePem);
    return signed;
  };
  const install = (...more: string[]): Promise<Run> =>
    run('ca', 'install', '--cert', path('issuing.pem'), '--root', path('root.pem'), ...more);
  const writeCrl = (der: Uint8Array): string => {
    writeFileSync(path('root.crl'), encodePem('X509 CRL', der));
    return path('root.crl');
  };
  beforeEach(() => {
    folder = temporaryFolder();
    writeFileSync(path('veritas.yaml'), '');
    root = TestCa.root({ commonName: 'Offline Root' });
    writeFileSync(path('root.pem'), root.certificatePem);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it.each([
    [[], 'there is nothing to install'],
    [['--root', 'root.pem'], '--cert and --root go together'],
    [['--cert', 'issuing.pem', '--crl', 'root.crl'], '--cert and --root go together'],
  ])('says of what was given, %j, that %s', async (args, message) => {
    expect(await run('ca', 'install', ...args)).toMatchObject({
      code: 2,
      err: expect.stringContaining(message) as unknown,
    });
  });

  it('certifies the issuing CA, whose key never left, and its lists are published as they come', async () => {
    const asked = await request();
    expect(nameToString(asked.subject)).toBe('CN=VERITAS Issuing CA,O=VERITAS Framework');
    expect(asked.extensions.basicConstraints).toEqual({ cA: true, pathLenConstraint: 0 });
    // Asking again is for the same key; a CA of one's own is not made over it.
    expect(Buffer.from((await request()).publicKey.der)).toEqual(Buffer.from(asked.publicKey.der));
    expect(await run('ca', 'init')).toMatchObject({
      code: 3,
      err: expect.stringMatching(/waits for its certificate, .*: .*bring in .* `veritas ca install`/) as unknown,
    });
    const issuing = sign(asked);
    const { code, out, err } = await install();
    expect({ code, out }).toEqual({ code: 0, out: 'issuing, below root: active\n' });
    expect(err).toContain('There is no revocation list of root yet');
    // The service may not be able to make it.
    expect(existsSync(path('certs/ca/ocsp-issuing_ca.key.pem'))).toBe(true);
    expect(await install()).toMatchObject({ code: 0, out: 'issuing, below root: active, was installed before\n' });
    expect(existsSync(path('certs/ca/root_ca.key.pem'))).toBe(false);
    expect(readFileSync(path('certs/ca_bundle.pem'), 'utf8')).toBe(root.certificatePem + issuing.certificatePem);
    const shown = (await json('ca', 'show')) as unknown as { id: string; key: string; crl: unknown }[];
    expect(shown.map(({ id, key, crl }) => [id, key, crl === null])).toEqual([
      ['root', 'elsewhere', true],
      ['issuing', 'here', false],
    ]);
    await json('issue', '--service', 'veritas-worker', '--cert', path('worker.pem'), '--key', path('worker.key'));
    expect(await run('verify', path('worker.pem'))).toMatchObject({ code: 0 });
    const der = root.crl([], { number: 7n });
    expect(await json('ca', 'install', '--crl', writeCrl(der))).toMatchObject({ crl: { issuer: 'root', number: 7 } });
    expect(readFileSync(path('var/crl/root.crl'))).toEqual(Buffer.from(der));
    expect(await json('ca', 'install', '--crl', path('root.crl'))).toMatchObject({ crl: { already: true } });
    expect(await run('crl', '--issuer', 'root')).toMatchObject({
      code: 3,
      err: expect.stringContaining('the key of the CA root is not here') as unknown,
    });
  });

  it('brings in no certificate beside a list that it does not take', async () => {
    sign(await request());
    const another = TestCa.root({ commonName: 'Offline Root' });
    expect(await install('--crl', path('nothing.crl'))).toMatchObject({ code: 3 });
    expect(await install('--crl', writeCrl(another.crl([], { number: 1n })))).toMatchObject({
      code: 1,
      err: expect.stringContaining('[crl_not_accepted]') as unknown,
    });
    expect(await run('ca', 'show')).toMatchObject({
      code: 3,
      err: expect.stringContaining('[authority_missing]') as unknown,
    });
    expect(await install('--crl', writeCrl(root.crl([], { number: 1n })))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^issuing, below root: active\nRevocation list 1 of root, until/) as unknown,
    });
  });

  it('brings in no certificate beside a list that is older than the one that is here, or has an entry that cannot be used', async () => {
    sign(await request());
    const here = root.crl([], { number: 20n });
    expect(await install('--crl', writeCrl(here))).toMatchObject({ code: 0 });
    const { certificate } = sign(await request());
    for (const [why, list] of [
      ['list 20 of root is here, which is newer than 19', root.crl([], { number: 19n })],
      ['another list 20 of root is here', root.crl([{ certificate, reason: 1 }], { number: 20n })],
      ['reasonCode 7 is not assigned', root.crl([{ certificate, reason: 7 }], { number: 21n })],
    ] as const)
      expect(await install('--crl', writeCrl(list))).toMatchObject({ code: 1, err: expect.stringContaining(why) });
    const shown = (await json('ca', 'show')) as unknown as { id: string }[];
    expect(shown.map(({ id }) => id)).toEqual(['root', 'issuing']);
    expect(await install('--crl', writeCrl(here))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^issuing-2, below root: prepared\nRevocation list 20 of root, .* installed before\n/),
    });
  });

  it('comes before the CAs below it in ca show, the next root too', async () => {
    sign(await request());
    expect(await install()).toMatchObject({ code: 0 });
    root = TestCa.root({ commonName: 'Next Offline Root' });
    writeFileSync(path('root.pem'), root.certificatePem);
    sign(await request());
    expect(await install()).toMatchObject({ code: 0 });
    const shown = (await json('ca', 'show')) as unknown as { id: string }[];
    expect(shown.map(({ id }) => id)).toEqual(['root', 'root-2', 'issuing', 'issuing-2']);
  });

  it('is backed up and restored while its key waits for the certificate', async () => {
    const asked = await request();
    const { to, by } = await backupKey();
    expect(await json('backup', '--out', path('veritas.age'), ...to)).toMatchObject({ certificates: 0 });
    const passphrase = readFileSync(path('certs/ca/passphrase'));
    for (const gone of ['certs', 'var']) rmSync(path(gone), { recursive: true });
    mkdirSync(path('certs/ca'), { recursive: true, mode: 0o700 });
    writeFileSync(path('certs/ca/passphrase'), 'another passphrase, of somebody else\n', { mode: 0o600 });
    expect(await run('restore', path('veritas.age'), ...by)).toMatchObject({
      code: 3,
      err: expect.stringContaining('does not open the key issuing_ca.key.pem in the backup') as unknown,
    });
    writeFileSync(path('certs/ca/passphrase'), passphrase);
    expect(await run('restore', path('veritas.age'), ...by)).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /\nThe CA waits for its certificate: bring it in with `veritas ca install`\.\n$/,
      ) as unknown,
    });
    sign(asked);
    expect(await install()).toMatchObject({ code: 0, out: 'issuing, below root: active\n' });
    expect(await run('audit', 'verify')).toMatchObject({ code: 0 });
  });

  it('is not backed up without its rows: keys of which no request waits are those of a CA in another store', async () => {
    await request();
    rmSync(path('certs/ca/issuing_ca.csr.pem'));
    writeFileSync(path('secret'), 'a passphrase for the backup\n', { mode: 0o600 });
    expect(await run('backup', '--out', path('veritas.age'), '--passphrase-file', path('secret'))).toMatchObject({
      code: 3,
      err: expect.stringMatching(/there is no CA in the store .* \[authority_missing\]/) as unknown,
    });
    expect(existsSync(path('veritas.age'))).toBe(false);
  });

  it.each(['request', 'install'])(
    'does not begin anew beside lists that it signed when its store is gone: %s',
    async (step) => {
      const asked = await request();
      sign(asked);
      const waiting = readFileSync(path('certs/ca/issuing_ca.csr.pem'));
      expect(await install()).toMatchObject({ code: 0 });
      const list = readFileSync(path('var/crl/issuing.crl'));
      for (const suffix of ['', '-wal', '-shm']) rmSync(path(`var/veritas.db${suffix}`), { force: true });
      if (step === 'install') writeFileSync(path('certs/ca/issuing_ca.csr.pem'), waiting);
      expect(await (step === 'install' ? install() : run('ca', 'request'))).toMatchObject({
        code: 3,
        out: '',
        err: expect.stringMatching(
          /does not know the CA issuing, but \S+issuing\.crl was signed by one of that name: restore a backup/,
        ),
      });
      expect(readFileSync(path('var/crl/issuing.crl'))).toEqual(list);
    },
  );

  it('takes no certificate but the one that was asked for', async () => {
    const asked = await request();
    const another = TestCa.root({ commonName: 'Another Root' });
    const day = 86_400_000;
    const cases: readonly [string, () => unknown][] = [
      ['another key', () => sign(asked, { keyPair: { publicKey: another.key, privateKey: another.key } })],
      ['CN=Another Root', () => sign(asked, { subject: another.certificate.subject })],
      ['its path length is not 0', () => sign(asked, { pathLenConstraint: 3 })],
      [
        'not now',
        () => sign(asked, { notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) }),
      ],
      ['does not lead to the root', () => sign(asked, {}, another)],
      ['no subjectKeyIdentifier', () => sign(asked, { without: ['2.5.29.14'] })],
      ["not a CA's", () => sign(asked, { without: ['2.5.29.19'] })],
      ['the certificate has no keyUsage with keyCertSign', () => sign(asked, { without: ['2.5.29.15'] })],
    ];
    for (const [why, make] of cases) {
      make();
      expect(await install()).toMatchObject({ code: 1, err: expect.stringContaining(why) as unknown });
    }
    sign(asked);
    writeFileSync(path('root.pem'), TestCa.root().intermediate().certificatePem);
    expect(await install()).toMatchObject({ code: 1, err: expect.stringContaining('not a root') as unknown });
    // As `openssl req -x509` makes them.
    writeFileSync(path('root.pem'), TestCa.root({ without: ['2.5.29.15'] }).certificatePem);
    const usage = 'the root has no keyUsage with keyCertSign and cRLSign';
    expect(await install()).toMatchObject({ code: 1, err: expect.stringContaining(usage) as unknown });
    expect(await run('ca', 'show')).toMatchObject({ code: 3, err: expect.stringContaining('no CA') as unknown });
  });

  it('revokes what the list of the root revokes, and takes no list that it could not publish', async () => {
    const issuing = sign(await request());
    await install();
    const another = TestCa.root({ commonName: 'Offline Root' });
    for (const [why, der] of [
      ['no root whose key is elsewhere', another.crl()],
      ['ended on', root.crl([], { nextUpdate: new Date(Date.now() - 30_000) })],
      ['begins on', root.crl([], { thisUpdate: new Date(Date.now() + 60_000) })],
      ['has no number', root.crl([], { extensions: [] })],
    ] as const)
      expect(await run('ca', 'install', '--crl', writeCrl(der))).toMatchObject({
        code: 1,
        err: expect.stringContaining(why) as unknown,
      });
    const { certificate } = issuing;
    const revoking = root.crl([{ certificate, reason: CrlReason.cACompromise }], { number: 20n });
    expect(await json('ca', 'install', '--crl', writeCrl(revoking))).toMatchObject({
      crl: { revoked: [certificate.serialNumber] },
    });
    expect(await run('ca', 'install', '--crl', writeCrl(root.crl([], { number: 19n })))).toMatchObject({ code: 1 });
    expect(await run('issue', '--service', 'orders', '--cert', path('o.pem'), '--key', path('o.key'))).toMatchObject({
      code: 3,
      err: expect.stringContaining('revoked') as unknown,
    });
    expect(decodeCertificateList(readFileSync(path('var/crl/root.crl'))).extensions.crlNumber).toBe(20n);
  });

  it('holds what is issued to the constraints of its certificate, and who asks is told; OCSP is answered all the same', async () => {
    const permittedSubtrees = [{ kind: 'dns', value: 'corp.example' }] as const;
    sign(await request(), {
      extensions: [encodeExtensionOf.nameConstraints({ permittedSubtrees, excludedSubtrees: [] })],
    });
    await install();
    const issue = (service: string, ...more: string[]): Promise<Run> =>
      run('issue', '--service', service, '--cert', path('leaf.pem'), '--key', path(`${service}.key`), ...more);
    const spiffe = ['--profile', 'spiffe', '--san', 'URI:spiffe://corp.example/orders'];
    for (const [service, ...more] of [['orders'], ['orders.example.org', ...spiffe]] as const)
      expect(await issue(service, ...more)).toMatchObject({
        code: 1,
        err: expect.stringMatching(
          /a CA above does not allow this name: .*is not permitted.*\[name_not_allowed\]/,
        ) as unknown,
      });
    expect(await issue('orders', ...spiffe)).toMatchObject({ code: 0 });
    expect(await issue('orders.corp.example')).toMatchObject({ code: 0 });
    expect(await run('ocsp', path('leaf.pem'))).toMatchObject({ code: 0 });
  });

  it('has its list compared by a restore: what says the same is restored, what is newer counts once it is told to', async () => {
    const { certificate } = sign(await request());
    const earlier = root.crl([], { number: 7n });
    await install('--crl', writeCrl(earlier));
    await json('issue', '--service', 'orders', '--cert', path('o.pem'), '--key', path('o.key'));
    const { to, by } = await backupKey();
    await json('backup', '--out', path('one.age'), ...to);
    const restore = (...more: string[]): Promise<Run> => {
      for (const name of ['certs', 'var/veritas.db']) rmSync(path(name), { recursive: true, force: true });
      return run('restore', path('one.age'), ...by, ...more);
    };
    expect(await restore()).toMatchObject({ code: 0, out: expect.stringContaining('root: compared with list 7') });
    const newer = root.crl([{ certificate, reason: CrlReason.cACompromise }], { number: 8n });
    writeFileSync(path('var/crl/root.crl'), newer);
    expect(await restore()).toMatchObject({
      code: 1,
      err: expect.stringContaining(`list 8 of root is published, which revokes ${certificate.serialNumber}`) as unknown,
    });
    expect(await restore('--apply')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`revoked again: ${certificate.serialNumber}`) as unknown,
    });
  });

  it('has the next issuing CA prepared, to be rolled over as any other', async () => {
    sign(await request());
    await install();
    expect(await run('ca', 'rollover', 'prepare')).toMatchObject({
      code: 3,
      err: expect.stringContaining('veritas ca install') as unknown,
    });
    const next = await request();
    expect(nameToString(next.subject)).toBe('CN=VERITAS Issuing CA 2,O=VERITAS Framework');
    sign(next);
    expect(await install()).toMatchObject({ code: 0, out: 'issuing-2, below root: prepared\n' });
    for (const step of ['publish', 'activate', 'retire', 'remove']) await json('ca', 'rollover', step);
    const { issuers } = (await json('ca', 'rollover', 'status')) as { issuers: { id: string; state: string }[] };
    expect(issuers.map(({ id, state }) => `${id} ${state}`)).toEqual([
      'root active',
      'issuing removed',
      'issuing-2 active',
    ]);
    // Without a name: of the CA that issues now.
    expect(await json('crl')).toMatchObject({ issuer: 'issuing-2' });
  });
});
