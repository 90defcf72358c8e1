import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createPrivateKey } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { commandLine, type Run } from '../../test/support/command-line.js';
import { certificationRequestPem } from '../../test/support/certification-request.js';
import { temporaryFolder } from '../../test/support/folder.js';
import { loadConfiguration } from '../configuration/index.js';
import { CaService, CrlService, openCertificationAuthority, revocationReasons } from '../pki/index.js';
import { openStore } from '../store/index.js';
import { generateTestKeyPair, TestCa } from '../testing/index.js';
import {
  nameToString,
  decodeCertificateList,
  decodeCertificates,
  encodeExtensionOf,
  KeyUsage,
  subjectPublicKeyInfoOf,
} from '../x509/index.js';
import { messageOf, networkReasonOf } from './command-error.js';

describe('the command line', () => {
  let folder: string;
  const path = (name: string): string => join(folder, name);
  const environmentFor = (where: string): Record<string, string> => ({
    VERITAS_CONFIG: join(where, 'veritas.yaml'),
    VERITAS_PKI_DIRECTORY: join(where, 'certs/ca'),
    VERITAS_PKI_PASSPHRASE_FILE: join(where, 'certs/ca/passphrase'),
    VERITAS_STORE_PATH: join(where, 'var/veritas.db'),
    VERITAS_TLS_CA_FILE: join(where, 'certs/ca_bundle.pem'),
  });
  const run = (
    args: readonly string[],
    more: { readonly environment?: Record<string, string>; readonly input?: string; readonly now?: Date } = {},
  ): Promise<Run> =>
    commandLine(
      args,
      { ...environmentFor(folder), ...more.environment },
      { input: more.input ?? '', now: () => more.now ?? new Date() },
    );
  const json = async (args: readonly string[]): Promise<Record<string, unknown>> => {
    const { code, out } = await run([...args, '--json']);
    expect(code).toBe(0);
    return JSON.parse(out) as Record<string, unknown>;
  };
  const auditRows = async (): Promise<unknown> => (await json(['audit', 'verify'])).rows;
  const leafOf = (name: string) => decodeCertificates(readFileSync(path(name)))[0];
  let counter = 0;
  const issue = async (
    service = 'veritas-worker',
    ...more: string[]
  ): Promise<{ cert: string; key: string; serial: string }> => {
    const name = `issued-${counter++}`;
    const [cert, key] = [path(`${name}.pem`), path(`${name}.key`)];
    const { serial_number: serial } = await json([
      'issue',
      '--service',
      service,
      '--cert',
      cert,
      '--key',
      key,
      ...more,
    ]);
    return { cert, key, serial: String(serial) };
  };

  beforeAll(async () => {
    folder = temporaryFolder();
    writeFileSync(path('veritas.yaml'), '{}\n');
    expect(await run(['setup'])).toMatchObject({ code: 0, err: '' });
  });
  beforeEach(() => {
    mkdirSync(path('work'), { recursive: true });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  describe('setup and ca', () => {
    it('say what was made, and keep it all the second time', async () => {
      const { out } = await run(['setup']);
      expect(out.trim().split('\n')).toHaveLength(7);
      expect(out).not.toContain('made');
      const { files } = await json(['setup']);
      expect(files).toContainEqual({ path: path('certs/root_ca.pem'), outcome: 'kept' });
      expect((await run(['ca', 'init'])).err).toContain('nothing was changed');
    });

    it('make the keys of OCSP responders, for a service that may not, and a rollover that of the new CA', async () => {
      const where = join(folder, 'responders');
      mkdirSync(where);
      writeFileSync(join(where, 'veritas.yaml'), '{}\n');
      const environment = environmentFor(where);
      const keys = (): string[] =>
        readdirSync(join(where, 'certs/ca'))
          .filter((name) => name.startsWith('ocsp-'))
          .toSorted();
      expect((await run(['setup'], { environment })).code).toBe(0);
      expect(keys()).toEqual(['ocsp-issuing_ca.key.pem', 'ocsp-root_ca.key.pem']);
      for (const step of ['prepare', 'publish', 'activate']) await run(['ca', 'rollover', step], { environment });
      expect(keys()).toEqual(['ocsp-issuing-2_ca.key.pem', 'ocsp-issuing_ca.key.pem', 'ocsp-root_ca.key.pem']);
      for (const step of ['prepare', 'publish']) await run(['ca', 'rollover', step, '--root'], { environment });
      expect(keys()).toContain('ocsp-root-2_ca.key.pem');
      writeFileSync(join(where, 'certs/ca/passphrase'), 'another\n');
      const again = await run(['setup'], { environment });
      expect(again).toMatchObject({ code: 3, out: '', err: expect.stringContaining('passphrase') });
    });

    it('make a CA where there is none, and show it', async () => {
      const where = join(folder, 'elsewhere');
      mkdirSync(where);
      writeFileSync(join(where, 'veritas.yaml'), 'pki: { organization: Example Ltd }\n');
      const environment = environmentFor(where);
      const shown = await run(['ca', 'show'], { environment });
      expect(shown).toMatchObject({ code: 3, out: '' });
      expect(shown.err).toMatch(/^veritas: there is no store at .*`veritas setup`/);
      const made = await run(['ca', 'init'], { environment });
      expect(made.code).toBe(0);
      expect(made.err.match(/Wrote /g)).toHaveLength(3);
      expect(made.out).toContain('CN=VERITAS Root CA,O=Example Ltd');
      expect((await run(['ca', 'show'], { environment })).out).toContain('Revocation list  number 1');
    });
  });

  describe('help', () => {
    it('is about a command at any depth, and says so when there is none', async () => {
      for (const words of [['issue'], ['ca', 'init'], ['ca', 'rollover', 'prepare'], []])
        expect(await run(['help', ...words])).toEqual(await run([...words, '--help']));
      for (const words of [['NOPE'], ['ca', 'NOPE'], ['issue', 'NOPE']])
        expect(await run(['help', ...words])).toMatchObject({
          code: 2,
          out: '',
          err: expect.stringMatching(/^veritas: unknown command 'NOPE'\n/),
        });
    });
  });

  describe('issue', () => {
    it('makes a key for its owner only, and its certificate with the names asked for', async () => {
      const names = ['--san', 'DNS:worker.local', '--san', 'IP:10.0.0.7', '--san', 'URI:spiffe://example.org/worker'];
      const { cert, key } = await issue('veritas-worker', '--profile', 'client', '--ttl', '1h', ...names);
      expect(statSync(key).mode & 0o777).toBe(0o600);
      const leaf = decodeCertificates(readFileSync(cert))[0];
      expect(subjectPublicKeyInfoOf(createPrivateKey(readFileSync(key))).der).toEqual(leaf.publicKey.der);
      expect(leaf.extensions.subjectAltName).toHaveLength(4);
      expect(leaf.notAfter.getTime() - Date.now()).toBeLessThanOrEqual(3_600_000);
      expect(decodeCertificates(readFileSync(cert))).toHaveLength(2);
    });

    it('does not write key and certificate into one file', async () => {
      const both = path('work/both.pem');
      const { code, err } = await run(['issue', '--service', 'x', '--cert', both, '--key', path('work/./both.pem')]);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('the same file') });
      expect(existsSync(both)).toBe(false);
    });

    it('never overwrites a key', async () => {
      const { key, cert } = await issue();
      const before = readFileSync(key);
      const again = await run(['issue', '--service', 'veritas-worker', '--cert', cert, '--key', key]);
      expect(again).toMatchObject({ code: 1, out: '' });
      expect(again.err).toMatch(/never overwritten: choose another name/);
      expect(readFileSync(key)).toEqual(before);
    });

    it('puts no key in its place before there is a certificate, so that one that was killed is run again', async () => {
      const [cert, key] = [path('work/cut.pem'), path('work/cut.key')];
      let whileSigning: string[] = [];
      const { issue: sign } = CaService.prototype;
      const signing = jest.spyOn(CaService.prototype, 'issue').mockImplementation(function (this: CaService, options) {
        whileSigning = readdirSync(path('work')).filter((name) => name.includes('cut'));
        return sign.call(this, options);
      });
      try {
        expect(await run(['issue', '--service', 'cut', '--cert', cert, '--key', key])).toMatchObject({ code: 0 });
      } finally {
        signing.mockRestore();
      }
      expect(whileSigning).toEqual([expect.stringMatching(/^\.cut\.key\.[0-9a-f]{12}\.tmp$/)]);
      rmSync(cert);
      expect(await run(['issue', '--service', 'cut', '--cert', cert, '--key', key])).toMatchObject({
        code: 1,
        err: `veritas: ${key} exists, and a private key is never overwritten: choose another name with --key, or remove it if it was left by an issue that was killed: there is no ${cert} beside it\n`,
      });
    });

    it('asks for no certificate where a link that leads nowhere is in the place of the key', async () => {
      const [cert, key] = [path('work/linked.pem'), path('work/linked.key')];
      symlinkSync(path('work/nowhere'), key);
      const rows = await auditRows();
      expect(await run(['issue', '--service', 'linked', '--cert', cert, '--key', key])).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining(`${key} exists, and a private key is never overwritten: choose another name`),
      });
      expect(await auditRows()).toBe(rows);
      expect(readdirSync(path('work')).filter((name) => name.includes('linked'))).toEqual(['linked.key']);
    });

    it('names the certificate whose key found its place taken meanwhile, and keeps what is there', async () => {
      const [cert, key] = [path('work/raced.pem'), path('work/raced.key')];
      const { issue: sign } = CaService.prototype;
      const signing = jest.spyOn(CaService.prototype, 'issue').mockImplementation(function (this: CaService, options) {
        writeFileSync(key, 'of another');
        return sign.call(this, options);
      });
      try {
        expect(await run(['issue', '--service', 'raced', '--cert', cert, '--key', key])).toMatchObject({
          code: 3,
          out: '',
          err: expect.stringMatching(
            /raced\.key cannot be written \(EEXIST\): .* issued for a key that is gone, revoke it with `veritas revoke [0-9a-f]+`\n$/,
          ),
        });
      } finally {
        signing.mockRestore();
      }
      expect(readFileSync(key, 'utf8')).toBe('of another');
      expect(existsSync(cert)).toBe(false);
    });

    it('never puts a certificate, a list or an answer where a private key is, and signs nothing then', async () => {
      const { key, cert } = await issue();
      const request = path('work/kept.csr');
      writeFileSync(request, certificationRequestPem());
      const before = readFileSync(key);
      const rows = await auditRows();
      for (const args of [
        ['issue', '--service', 'veritas-worker', '--cert', key, '--key', path('work/another.key')],
        ['sign', request, '--cert', key],
        ['crl', '--out', key],
        ['ocsp', cert, '--out', key],
        ['audit', 'export', '--out', key],
        ['ca', 'request', '--out', key],
      ]) {
        const refused = await run(args);
        expect({ args, ...refused }).toMatchObject({ code: 1, out: '' });
        expect(refused.err).toContain(`${key} holds a private key, which is never overwritten: name another file`);
        expect(readFileSync(key)).toEqual(before);
      }
      expect(existsSync(path('work/another.key'))).toBe(false);
      expect(await auditRows()).toBe(rows);
    });

    it('puts nothing in the place of the store or of a passphrase, however it is named', async () => {
      symlinkSync('../certs/ca/passphrase', path('work/passphrase'));
      const kept = [path('var/veritas.db'), path('certs/ca/passphrase')];
      const before = kept.map((each) => readFileSync(each));
      for (const out of [...kept, path('work/passphrase')])
        for (const args of [
          ['issue', '--service', 'orders', '--cert', out, '--key', path('work/another.key')],
          ['crl', '--out', out],
          ['audit', 'export', '--out', out],
        ])
          expect(await run(args)).toEqual({
            code: 1,
            out: '',
            err: `veritas: ${out} belongs to the store or to the keys of the CA, which is never overwritten: name another file\n`,
          });
      expect(kept.map((each) => readFileSync(each))).toEqual(before);
    });

    it.each(['', '-'])('%j is no file to write, and nothing is signed', async (out) => {
      for (const args of [
        ['issue', '--service', 'orders', '--cert', out, '--key', path('work/another.key')],
        ['crl', '--out', out],
        ['audit', 'export', '--out', out],
        ['backup', '--passphrase-file', path('certs/ca/passphrase'), '--out', out],
      ])
        expect(await run(args)).toEqual({
          code: 2,
          out: '',
          err: `veritas: ${JSON.stringify(out)} is no name of a file to write: name a file\n`,
        });
      expect(existsSync(path('work/another.key'))).toBe(false);
    });

    it('puts nothing in the place of a folder or of a device', async () => {
      const request = path('work/kept.csr');
      writeFileSync(request, certificationRequestPem());
      symlinkSync('/dev/null', path('work/null'));
      for (const out of [path('work'), path('work/null'), '/dev/no-such-file'])
        for (const args of [
          ['sign', request, '--cert', out],
          ['crl', '--out', out],
          ['ca', 'request', '--out', out],
        ])
          expect(await run(args)).toEqual({
            code: 3,
            out: '',
            err: `veritas: ${out} is not a regular file: name a file\n`,
          });
      expect(lstatSync(path('work/null')).isSymbolicLink()).toBe(true);
    });

    it.each([
      ['P-384', { type: 'ec', curve: 'P-384' }],
      ['Ed25519', { type: 'ed25519' }],
      ['RSA', { type: 'rsa', bits: 2504 }],
    ])('makes a key that the profile certifies: %s', async (keyType, parameters) => {
      const minimumRsaBits = keyType === 'RSA' ? { minimumRsaBits: 2500 } : {};
      const profile = { name: 'x', purposes: ['clientAuth'], keyTypes: [keyType], ...minimumRsaBits };
      const environment = { VERITAS_PKI_PROFILES: JSON.stringify([profile]) };
      const [cert, key] = [path(`${keyType}.pem`), path(`${keyType}.key`)];
      const args = ['issue', '--service', 'orders', '--profile', 'x', '--cert', cert, '--key', key];
      expect(await run(args, { environment })).toMatchObject({ code: 0, err: '' });
      expect(leafOf(`${keyType}.pem`).publicKey.parameters).toMatchObject(parameters);
    });

    it('leaves nothing behind when the CA refuses, and says why', async () => {
      const refused = await run([
        'issue',
        '--service',
        'Bad Name',
        '--cert',
        path('work/b.pem'),
        '--key',
        path('work/b.key'),
      ]);
      expect(refused).toEqual({
        code: 1,
        out: '',
        err: 'veritas: "Bad Name" is not a service name: name the service in lower-case letters, digits, hyphens and dots, at most 63 characters [service_name_malformed]\n',
      });
      expect(existsSync(path('work/b.key')) || existsSync(path('work/b.pem'))).toBe(false);
      const slash = await run([
        'issue',
        '--service',
        'made/x',
        '--cert',
        path('made/x.pem'),
        '--key',
        path('made/x.key'),
      ]);
      expect([slash.code, existsSync(path('made'))]).toEqual([1, false]);
      const unknown = await run(['issue', '--service', 'x', '--profile', 'root', '--key', path('work/b.key')]);
      expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('only server, client, service, spiffe') });
    });
  });

  describe('sign --profile intermediate', () => {
    const csr = (name: string): string => {
      writeFileSync(path('work/ca.csr'), certificationRequestPem({ commonName: name }));
      return path('work/ca.csr');
    };
    const sign = (...args: string[]) => run(['sign', csr('Plant 7 CA'), '--profile', 'intermediate', ...args]);

    it('a CA below the root, with its path length and constraints', async () => {
      const cert = path('work/plant.pem');
      const constraints = [
        '--permit',
        'DNS:plant.example',
        '--exclude',
        'IP:10.7.0.0/15',
        '--exclude',
        'URI:.evil.example',
      ];
      expect((await sign('--cert', cert, '--path-length', '1', '--ttl', '30d', ...constraints)).code).toBe(0);
      const { extensions, issuer, subject, notBefore, notAfter } = decodeCertificates(readFileSync(cert))[0];
      expect([issuer, subject].map(nameToString)).toEqual([
        'CN=VERITAS Root CA,O=VERITAS Framework',
        'CN=Plant 7 CA,O=VERITAS Framework',
      ]);
      expect(extensions.basicConstraints).toEqual({ cA: true, pathLenConstraint: 1 });
      expect(extensions.nameConstraints).toEqual({
        permittedSubtrees: [{ kind: 'dns', value: 'plant.example' }],
        excludedSubtrees: [
          { kind: 'ip', value: Uint8Array.of(10, 6, 0, 0, 255, 254, 0, 0) },
          { kind: 'uri', value: '.evil.example' },
        ],
      });
      expect(notAfter.getTime() - notBefore.getTime()).toBe((30 * 86_400 + 600) * 1000);
      expect(await json(['list', '--limit', '1'])).toMatchObject([
        { profile: 'intermediate', service: null, issuer: 'root' },
      ]);
    });

    it("under a profile of the operator's own, which goes before what is asked for", async () => {
      const profile = {
        name: 'intermediate-plant',
        kind: 'intermediate',
        maximumLifetime: '365d',
        pathLength: 1,
        nameConstraints: { permit: ['DNS:plant.example'] },
      };
      const config = path('work/plant.yaml');
      writeFileSync(config, JSON.stringify({ pki: { profiles: [profile] } }));
      const cert = path('work/own.pem');
      const signs = (...args: string[]) =>
        run([
          'sign',
          csr('Plant 8 CA'),
          '--profile',
          'intermediate-plant',
          '--config',
          config,
          '--cert',
          cert,
          ...args,
        ]);
      expect((await signs()).code).toBe(0);
      const { extensions } = decodeCertificates(readFileSync(cert))[0];
      expect(extensions).toMatchObject({
        basicConstraints: { cA: true, pathLenConstraint: 1 },
        nameConstraints: { permittedSubtrees: [{ kind: 'dns', value: 'plant.example' }], excludedSubtrees: [] },
      });
      expect((await signs('--path-length', '0')).code).toBe(0);
      for (const [args, says] of [
        [['--path-length', '2'], 'gives a path length of at most 1'],
        [['--permit', 'DNS:example'], 'has name constraints, and takes no others'],
        [['--ttl', '366d'], 'profile intermediate-plant gives lifetimes from 1s to 365d, and 366d was asked for'],
      ] as const)
        expect(await signs(...args)).toMatchObject({ code: 1, err: expect.stringContaining(says) });
      // What was issued is a CA's when the profile is no more.
      expect((await run(['revoke', '--cert', cert, '--reason', 'cACompromise'])).code).toBe(0);
    });

    it('is revoked as a CA', async () => {
      const cert = path('work/ca7.pem');
      expect((await sign('--cert', cert)).code).toBe(0);
      expect(await run(['revoke', '--cert', cert, '--reason', 'cACompromise'])).toMatchObject({
        code: 0,
        out: expect.stringContaining('is revoked (cACompromise)'),
      });
    });

    it('is refused below an issuing CA, with names of services, and without the profile', async () => {
      expect(await sign('--issuer', 'issuing')).toMatchObject({
        code: 1,
        err: expect.stringContaining('may have no CA below it (pathLenConstraint 0)'),
      });
      expect(await sign('--service', 'orders')).toMatchObject({ code: 2, out: '' });
      expect(await run(['sign', csr('orders'), '--permit', 'DNS:a'])).toMatchObject({ code: 2, out: '' });
      expect(await run(['issue', '--service', 'orders', '--profile', 'intermediate'])).toMatchObject({ code: 1 });
    });

    it('does not take --permit within --exclude', async () => {
      const limits = ['--permit', 'DNS:other', '--permit', 'DNS:a.example', '--exclude', 'DNS:example'];
      expect(await sign(...limits)).toMatchObject({
        code: 2,
        out: '',
        err: expect.stringContaining('a subtree of --permit lies within one of --exclude'),
      });
    });

    it.each([
      'a.example',
      'DNS:*.a',
      'DNS:.a',
      'DNS:A',
      'IP:10.0.0.0',
      'IP:10.0.0.0/33',
      'IP:x/8',
      'URI:https://a',
      'email:a@b',
    ])('does not understand --permit %s', async (subtree) => {
      expect(await sign('--permit', subtree)).toMatchObject({ code: 2, out: '' });
    });
  });

  describe('sign', () => {
    it('certifies a request from a file or from stdin', async () => {
      writeFileSync(path('work/r.csr'), certificationRequestPem({ commonName: 'veritas-agent' }));
      const shown = await run(['sign', path('work/r.csr'), '--cert', path('work/agent.pem'), '--profile', 'server']);
      expect(shown.code).toBe(0);
      expect(leafOf('work/agent.pem').extensions.extendedKeyUsage).toHaveLength(1);
      const piped = await run(['sign', '-'], { input: certificationRequestPem({ commonName: 'veritas-agent' }) });
      expect(piped.out.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
      expect(piped.err).toMatch(/^Issued [0-9a-f]{32}/);
    });

    it('leaves the request as it is', async () => {
      const [request, pem] = [path('work/same.csr'), certificationRequestPem()];
      writeFileSync(request, pem);
      expect(await run(['sign', request, '--cert', path('work/./same.csr')])).toEqual({
        code: 2,
        out: '',
        err: 'veritas: --cert names the file of the request: give each a file of its own\n',
      });
      expect(readFileSync(request, 'utf8')).toBe(pem);
    });

    it('refuses a request for a CA', async () => {
      const extensions = [encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined })];
      const refused = await run(['sign', '-'], { input: certificationRequestPem({ extensions }) });
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.err).toContain('asks for a CA certificate');
    });
  });

  describe('token', () => {
    it('goes to stdout alone, and what to do with it beside it', async () => {
      const made = await run(['token', '--service', 'veritas-worker', '--ttl', '15m', '--san', 'DNS:worker.local']);
      expect(made.code).toBe(0);
      expect(made.out).toMatch(/^veritas_enroll_[A-Za-z0-9_-]{43}\n$/);
      expect(made.err).toMatch(/Bearer %s' "\$TOKEN" \| curl -f .*-H @-/);
      expect(made.err).not.toContain(made.out.trim());
      expect(await json(['token', '--service', 'veritas-worker'])).toMatchObject({ service: 'veritas-worker' });
      expect(await run(['token', '--service', 'veritas-worker', '--ttl', '8d'])).toMatchObject({
        code: 1,
        err: expect.stringContaining('ask for a token that is good for a second to seven days') as unknown,
      });
      expect((await run(['token', '--help'])).out).toMatch(/the token \(not the\s+certificate\) is good/);
      expect((await run(['token', '--service', 'Bad Name'])).code).toBe(1);
      expect((await run(['token', '--service', 'lost'])).code).toBe(0);
      const end = ['token', '--service', 'lost', '--end'];
      expect(await run(end)).toMatchObject({ code: 0, out: '1 token of lost ended\n' });
      expect(await run(end)).toMatchObject({ code: 0, out: 'no token of lost is left that could be ended\n' });
      expect(await json(end)).toEqual({ ended: 0, service: 'lost' });
      expect((await run([...end, '--ttl', '1h'])).code).toBe(2);
    });
  });

  describe('revoke, list, show and crl', () => {
    it('revoke once, by number in any writing or by file', async () => {
      const { serial, cert } = await issue('veritas-agent');
      const written = serial.toUpperCase().replace(/(..)(?=.)/g, '$1:');
      const first = await run(['revoke', written, '--reason', 'superseded']);
      expect(first).toMatchObject({ code: 0, out: `${serial} is revoked (superseded)\n` });
      expect(first.err).toMatch(/Signed revocation list \d+ of issuing/);
      expect((await run(['revoke', '--cert', cert])).out).toContain('already (superseded)');
      const listed = decodeCertificateList(readFileSync(path('var/crl/issuing.crl')));
      expect([...listed.revokedCertificates()].map(({ serialNumber }) => serialNumber)).toContain(serial);
      expect(await json(['revoke', serial])).toMatchObject({ already_revoked: true, reason: 'superseded' });
    });

    it('says of each list that it signs which one it is', async () => {
      const { serial } = await issue('veritas-agent');
      const environment = { VERITAS_PKI_CRL_DELTA_LIFETIME: '1h', VERITAS_PKI_CRL_SHARDS: '2' };
      const { err } = await run(['revoke', serial, '--reason', 'superseded'], { environment });
      for (const which of [', the delta', ', shard 1'])
        expect(err).toMatch(new RegExp(`Signed revocation list \\d+ of issuing${which}\\.\n`));
    });

    it('says so of a list that the service signs first, too', async () => {
      const { serial } = await issue('veritas-agent');
      const { pki, store: at } = loadConfiguration({ environment: environmentFor(folder) });
      const store = await openStore(at);
      const { crls } = await openCertificationAuthority({ settings: pki, store, create: false });
      // Between the revocation by the command and its look at what is due.
      const look = jest.spyOn(CrlService.prototype, 'publishIfDue');
      look.mockImplementationOnce(async function (this: CrlService, by) {
        expect(await crls.publishIfDue()).toHaveLength(1);
        return this.publishIfDue(by);
      });
      const { err } = await run(['revoke', serial, '--reason', 'superseded']);
      expect(look).toHaveBeenCalledTimes(3);
      look.mockRestore();
      expect(err).toContain(`Signed revocation list ${crls.current('issuing')?.number} of issuing.\n`);
      crls.close();
      await store.close();
    });

    it('show since when a key is believed to be compromised', async () => {
      const { serial, cert } = await issue('veritas-agent');
      const dated = ['--reason', 'keyCompromise', '--invalidity-date', '2026-01-31'];
      expect((await json(['show', serial])).record).toMatchObject({ invalidity_date: null });
      expect(await run(['revoke', '--cert', cert, ...dated], { now: new Date() })).toMatchObject({ code: 0 });
      const invalidity_date = '2026-01-31T00:00:00.000Z';
      expect((await json(['show', serial])).record).toMatchObject({ invalidity_date });
      expect((await run(['show', serial])).out).toContain(`Invalid since  ${invalidity_date}\n`);
      expect((await run(['list', '--csv', '--status', 'revoked'])).out).toContain(`,keyCompromise,${invalidity_date},`);
    });

    it('do not mistake the certificate of somebody else for ours by its serial number', async () => {
      const { serial } = await issue();
      const forged = TestCa.root().issue({ serialNumber: Buffer.from(serial, 'hex') });
      writeFileSync(path('work/forged.pem'), forged.certificatePem);
      const refused = await run(['revoke', '--cert', path('work/forged.pem')]);
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.err).toContain('is not that certificate');
      expect(await json(['show', serial])).toMatchObject({ record: { status: 'active' } });
    });

    it('wipes the bar before it says what was done', async () => {
      await issue('watched');
      let [at, screen] = [0, ''];
      const clock = jest.spyOn(performance, 'now').mockImplementation(() => (at += 1000));
      const write = (text: string): void => void (screen += text);
      const streams = { out: write, err: write, errIsTerminal: true, outIsTerminal: true };
      await commandLine(['revoke', '--service', 'watched'], environmentFor(folder), { streams });
      clock.mockRestore();
      expect(screen).toContain(' 100 % (1 of 1)\r\u001b[K1 certificate is revoked\n');
    });

    it('put on hold and release, one and many', async () => {
      const { serial } = await issue();
      const status = async () => (await json(['show', serial])) as { record: { status: string } };
      expect(await json(['revoke', serial, '--reason', 'certificateHold'])).toMatchObject({
        reason: 'certificateHold',
      });
      expect(await json(['revoke', serial, '--release'])).toEqual({ serial_number: serial, released: true });
      expect(await status()).toMatchObject({ record: { status: 'active' } });
    });

    it('revoke all of a choice once; nothing is left the next time, which is no failure', async () => {
      const { cert } = await issue('once');
      for (const choice of [
        ['--service', 'once'],
        ['--key', cert],
        ['--service', 'once', '--profile', 'client'],
        // It is there, and no certificate has it.
        ['--profile', 'spiffe'],
      ]) {
        await run(['revoke', ...choice]);
        expect(await json(['revoke', ...choice, '--reason', 'superseded'])).toEqual({ revoked: 0 });
        expect(await run(['revoke', ...choice])).toMatchObject({
          code: 0,
          out: 'no certificate is left that could be revoked\n',
        });
      }
    });

    it('refuse a choice that names what no certificate has', async () => {
      const { cert } = await issue('elsewhere');
      writeFileSync(path('foreign.pem'), TestCa.root().issue({}).certificatePem);
      const recorded = () => json(['audit', 'verify']);
      const before = await recorded();
      for (const [choice, err] of [
        [
          ['--service', 'elsewhre'],
          'veritas: no certificate of this CA is for the service "elsewhre": look the certificates up with `veritas list`\n',
        ],
        [
          ['--key', path('foreign.pem')],
          `veritas: no certificate of this CA is for the key in ${path('foreign.pem')}: look the certificates up with \`veritas list\`\n`,
        ],
        [
          ['--profile', 'cleint'],
          'veritas: there is no profile "cleint", only server, client, service, spiffe, ocsp-responder, crl-issuer: use one of the profiles that there are [profile_unknown]\n',
        ],
        [
          ['--key', cert, '--service', 'elsewhre'],
          'veritas: no certificate of this CA is for the service "elsewhre": look the certificates up with `veritas list`\n',
        ],
      ] as const)
        expect(await run(['revoke', ...choice])).toEqual({ code: 1, out: '', err });
      expect(await recorded()).toEqual(before);
    });

    it('refuse what is unknown, and words that are no reason', async () => {
      expect(await run(['revoke', 'ff'])).toMatchObject({ code: 1 });
      const { serial } = await issue();
      expect(await run(['revoke', serial, '--reason', 'toString'])).toMatchObject({
        code: 2,
        err: expect.stringContaining(`Allowed choices are ${revocationReasons.join(', ')}.`),
      });
      expect(await run(['revoke', serial, '--release', '--reason', 'superseded'])).toMatchObject({ code: 2 });
      expect(await run(['revoke', serial, '--service', 'orders'])).toMatchObject({ code: 2 });
      expect(await run(['revoke'])).toMatchObject({ code: 2 });
      expect(await run(['revoke', serial, '--cert', 'x'])).toMatchObject({ code: 2 });
      expect(await run(['revoke', '--cert', path('missing.pem')])).toMatchObject({ code: 3 });
      expect(await run(['revoke', '--cert', path('veritas.yaml')])).toMatchObject({ code: 1 });
    });

    it('list by service, status and expiry', async () => {
      const one = await issue('list-me');
      const two = await issue('list-me', '--ttl', '20d');
      await run(['revoke', one.serial]);
      const serials = async (...args: string[]) =>
        ((await json(['list', '--service', 'list-me', ...args])) as unknown as { serial_number: string }[]).map(
          (row) => row.serial_number,
        );
      expect((await serials()).sort()).toEqual([one.serial, two.serial].sort());
      expect(await serials('--status', 'revoked')).toEqual([one.serial]);
      expect(await serials('--expires-before', '2d')).toEqual([one.serial]);
      expect(await serials('--expires-before', '2020-01-01')).toEqual([]);
      expect(await serials('--limit', '1')).toHaveLength(1);
      const table = await run(['list', '--service', 'list-me']);
      expect(table.out.split('\n')[0]).toMatch(/^SERIAL NUMBER +SERVICE +PROFILE +STATUS +VALID UNTIL +SUBJECT$/);
      expect((await run(['list', '--service', 'nobody'])).err).toBe('No certificate fits.\n');
    });

    it('show a certificate of the store and those of a file', async () => {
      const { serial, cert } = await issue();
      await run(['revoke', serial]);
      const shown = await run(['show', serial]);
      expect(shown.out).toMatch(/Status +revoked/);
      expect(shown.out).toContain('BEGIN CERTIFICATE');
      expect((await run(['show', cert])).out.match(/^Subject/gm)).toHaveLength(2);
      expect(await json(['show', serial])).toMatchObject({ record: { status: 'revoked', service: 'veritas-worker' } });
      expect(await run(['show', 'no such thing'])).toMatchObject({ code: 1 });
      expect(await run(['show', 'ffff'])).toMatchObject({ code: 1, err: expect.stringContaining('[serial_unknown]') });
      expect(await run(['show', path('veritas.yaml')])).toMatchObject({ code: 1 });
    });

    it('sign a list now, with a copy in DER or PEM', async () => {
      const first = await json(['crl', '--out', path('work/issuing.crl')]);
      const second = await json(['crl', '--out', path('work/issuing.pem')]);
      expect(Number(second.number)).toBe(Number(first.number) + 1);
      expect(decodeCertificateList(readFileSync(path('work/issuing.crl'))).extensions.crlNumber).toBe(
        BigInt(Number(first.number)),
      );
      expect(readFileSync(path('work/issuing.pem'), 'utf8')).toContain('BEGIN X509 CRL');
      expect(await run(['crl', '--issuer', 'nobody'])).toEqual({
        code: 1,
        out: '',
        err: 'veritas: there is no CA "nobody": look the CAs up with `veritas ca show` [issuer_unknown]\n',
      });
      expect(await run(['crl', '--scope', 'delta'])).toEqual({
        code: 1,
        out: '',
        err: 'veritas: issuing has no revocation list "delta": leave --scope out, or see pki.crlDeltaLifetime and pki.crlShards\n',
      });
    });
  });

  describe('verify', () => {
    const failures = (out: string): string[] =>
      [...out.matchAll(/^FAIL {2}([^:]+):/gm)].map(([, check]) => check ?? '');

    it('passes what the service would let in', async () => {
      const { cert, key } = await issue();
      const good = await run(['verify', cert, '--key', key]);
      expect(good).toMatchObject({ code: 0, err: '' });
      expect(good.out.match(/^pass/gm)!.length).toBeGreaterThanOrEqual(10);
      expect(await run(['verify', path('certs/server_cert.pem'), '--purpose', 'server'])).toMatchObject({ code: 0 });
      expect(await run(['verify', path('certs/client_cert.pem')])).toMatchObject({ code: 0 });
    });

    it('names what fails, each with its mend, and exits 1', async () => {
      const { cert, serial } = await issue('not-allowed', '--profile', 'server');
      await run(['revoke', serial]);
      const bad = await run(['verify', cert, '--key', path('certs/client_key.pem')]);
      expect(bad.code).toBe(1);
      expect(failures(bad.out)).toEqual(['path', 'key usage', 'revocation', 'allow-list', 'key']);
      expect(bad.out.match(/mend: /g)).toHaveLength(5);
      expect(bad.err).toMatch(/^veritas: .* would be refused: 5 of \d+ checks failed\n$/);
    });

    it('takes issuing CAs from where the guard takes them, and asks for the revocation of each', async () => {
      const other = TestCa.root();
      const issuing = other.intermediate();
      writeFileSync(path('work/leaf.pem'), issuing.issue({ commonName: 'veritas-client' }).chainPem);
      writeFileSync(path('work/root.pem'), other.certificatePem);
      writeFileSync(path('work/issuing.pem'), issuing.certificatePem);
      const environment = { VERITAS_TLS_CA_FILE: path('work/root.pem') };
      const without = await run(['verify', path('work/leaf.pem')], { environment });
      expect(failures(without.out)).toEqual(['path', 'revocation']);
      expect(without.out).toContain('put this one into mtls.intermediatesFile');
      const asServer = await run(['verify', path('work/leaf.pem'), '--purpose', 'server'], { environment });
      expect(failures(asServer.out)).not.toContain('path');
      const withIt = await run(['verify', path('work/leaf.pem')], {
        environment: { ...environment, VERITAS_MTLS_INTERMEDIATES_FILE: path('work/issuing.pem') },
      });
      expect(failures(withIt.out)).toEqual(['revocation', 'revocation']);
    });

    it('asks the revocation lists of other CAs, as the guard does', async () => {
      const other = TestCa.root();
      const issuing = other.intermediate();
      const leaf = issuing.issue({ commonName: 'veritas-client' });
      writeFileSync(path('work/leaf.pem'), leaf.chainPem);
      writeFileSync(path('work/bundle.pem'), other.certificatePem + issuing.certificatePem);
      writeFileSync(path('work/root.crl'), other.crl());
      writeFileSync(path('work/issuing.crl'), issuing.crl());
      const environment = {
        VERITAS_TLS_CA_FILE: path('work/bundle.pem'),
        VERITAS_MTLS_CRLS: JSON.stringify(['root', 'issuing'].map((name) => ({ source: path(`work/${name}.crl`) }))),
      };
      expect(await run(['verify', path('work/leaf.pem')], { environment })).toMatchObject({ code: 0, err: '' });
      writeFileSync(path('work/issuing.crl'), issuing.crl([{ certificate: leaf.certificate, reason: 1 }]));
      const revoked = await run(['verify', path('work/leaf.pem')], { environment });
      expect(failures(revoked.out)).toEqual(['revocation']);
      expect(revoked.out).toMatch(/CN=veritas-client.* was revoked on \S+ \(keyCompromise\)/);
      rmSync(path('work/issuing.crl'));
      const unknown = await run(['verify', path('work/leaf.pem')], { environment });
      expect(failures(unknown.out)).toEqual(['revocation']);
      expect(unknown.out).toMatch(/the store does not know .*; .*issuing\.crl: .*ENOENT/);
    });

    it('follows another path where a CA of the first was revoked, as the guard does', async () => {
      const [keyPair, one, other] = [generateTestKeyPair(), TestCa.root(), TestCa.root({ commonName: 'Other Root' })];
      const [lost, good] = [one, other].map((above) => above.intermediate({ keyPair, commonName: 'X' }));
      const all = [one, other, lost!, good!];
      writeFileSync(path('work/crossed.pem'), lost!.issue().certificatePem);
      writeFileSync(path('work/roots.pem'), all.map(({ certificatePem }) => certificatePem).join(''));
      const lists = { one: one.crl([{ certificate: lost!.certificate }]), other: other.crl(), x: lost!.crl() };
      for (const [name, list] of Object.entries(lists)) writeFileSync(path(`work/${name}.crl`), list);
      const environment = {
        VERITAS_TLS_CA_FILE: path('work/roots.pem'),
        VERITAS_MTLS_CRLS: JSON.stringify(Object.keys(lists).map((name) => ({ source: path(`work/${name}.crl`) }))),
      };
      const { code, out } = await run(['verify', path('work/crossed.pem')], { environment });
      expect(failures(out)).toEqual([]);
      expect(code).toBe(0);
      expect(out).toMatch(/pass {2}path: .*CN=X.* <- .*CN=Other Root/);
      writeFileSync(path('work/other.crl'), other.crl([{ certificate: good!.certificate }]));
      expect(failures((await run(['verify', path('work/crossed.pem')], { environment })).out)).toEqual(['revocation']);
    });

    it('looks at the dates of the path that there is, and not at those of an issuing CA that was renewed', async () => {
      const [keyPair, root] = [generateTestKeyPair(), TestCa.root()];
      const over = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2021-01-01T00:00:00Z') };
      const before = root.intermediate({ keyPair, ...over });
      const renewed = root.intermediate({ keyPair });
      writeFileSync(path('work/renewed.pem'), renewed.issue({ commonName: 'veritas-client' }).certificatePem);
      const bundle = [root, before, renewed].map(({ certificatePem }) => certificatePem);
      writeFileSync(path('work/renewed-ca.pem'), bundle.join(''));
      const environment = { VERITAS_TLS_CA_FILE: path('work/renewed-ca.pem'), VERITAS_MTLS_REVOCATION: 'off' };
      const { out, code } = await run(['verify', path('work/renewed.pem')], { environment });
      expect(failures(out)).toEqual([]);
      expect(code).toBe(0);
      writeFileSync(path('work/renewed-ca.pem'), bundle.slice(0, 2).join(''));
      expect(failures((await run(['verify', path('work/renewed.pem')], { environment })).out)).toEqual([
        'dates',
        'path',
      ]);
    });

    it('refuses the certificate of a SPIFFE ID that may sign revocation lists, as the guard does', async () => {
      const root = TestCa.root();
      const leafWith = (...usages: number[]) =>
        root.issue({
          names: [{ kind: 'uri', value: 'spiffe://example.org/billing' }],
          extensions: [encodeExtensionOf.keyUsage([KeyUsage.digitalSignature, ...usages])],
        }).certificatePem;
      writeFileSync(path('work/svid-root.pem'), root.certificatePem);
      const environment = {
        VERITAS_TLS_CA_FILE: path('work/svid-root.pem'),
        VERITAS_MTLS_REVOCATION: 'off',
        VERITAS_MTLS_SERVICE_FROM: 'spiffe',
      };
      const failed = async (pem: string): Promise<string[]> => {
        writeFileSync(path('work/svid.pem'), pem);
        return failures((await run(['verify', path('work/svid.pem')], { environment })).out);
      };
      expect(await failed(leafWith())).toEqual(['allow-list']);
      expect(await failed(leafWith(KeyUsage.cRLSign))).toEqual(['key usage', 'allow-list']);
    });

    it('mends the rule that is broken, not another one', async () => {
      const mendOf = async (file: string, ...more: string[]): Promise<string | undefined> => {
        const { out } = await run(['verify', file, '--json', ...more]);
        const { checks } = JSON.parse(out) as { checks: { check: string; ok: boolean; mend?: string }[] };
        return checks.find(({ check, ok }) => check === 'path' && !ok)?.mend;
      };
      expect(await mendOf(path('certs/server_cert.pem'))).toBe('issue it with --profile client or --profile service');
      expect(await mendOf(path('certs/root_ca.pem'))).toBe('name the certificate of a service, not that of a CA');
      const { cert } = await issue();
      writeFileSync(path('work/foreign.pem'), TestCa.root().issue().chainPem);
      expect(await mendOf(path('work/foreign.pem'))).toMatch(/^trust the root in tls\.caFile/);
      const late = await run(['verify', cert, '--json'], { now: new Date(Date.now() + 10 * 86_400_000) });
      const { checks } = JSON.parse(late.out) as { checks: object[] };
      expect(checks).toContainEqual(
        expect.objectContaining({ check: 'path', ok: false, mend: 'issue a new one: veritas issue, or veritas sign' }),
      );
    });

    it('does not mend a CA of ours that was removed by trusting it again', async () => {
      const { cert } = await issue();
      for (const step of ['prepare', 'publish', 'activate', 'retire']) await run(['ca', 'rollover', step]);
      await run(['revoke', '--issuer', 'issuing', '--reason', 'superseded']);
      expect((await run(['ca', 'rollover', 'remove'])).code).toBe(0);
      const { checks } = JSON.parse((await run(['verify', cert, '--json'])).out) as { checks: object[] };
      expect(checks).toContainEqual(
        expect.objectContaining({ check: 'path', mend: 'issue a new one: veritas issue, or veritas sign' }),
      );
    });

    it('says of a key and of stdin what they are', async () => {
      const { cert } = await issue();
      expect(await run(['verify', cert, '--key', path('work/no.key')])).toEqual({
        code: 3,
        out: '',
        err: `veritas: ${path('work/no.key')} cannot be read (ENOENT): look at its name and its permissions\n`,
      });
      expect((await run(['show', '-'])).err).toMatch(/^veritas: stdin is empty: /);
      expect((await run(['verify', '-'], { input: 'x' })).err).toMatch(/^veritas: stdin would be refused: /);
      expect((await run(['sign', '-'])).err).toMatch(/^veritas: stdin is empty: /);
    });

    it('reads no more than a file of certificates can have', async () => {
      expect(await run(['show', '/dev/zero'])).toEqual({
        code: 1,
        out: '',
        err: 'veritas: /dev/zero has more than 16 MiB: name a file of certificates, requests, keys or lists\n',
      });
      expect((await run(['show', '-'], { input: 'y'.repeat(17 * 1024 * 1024) })).err).toMatch(
        /^veritas: stdin has more than 16 MiB: /,
      );
    });

    it('refuses the certificate of another CA, an expired one, and what is none', async () => {
      writeFileSync(path('work/other.pem'), TestCa.root({ organization: 'Evil' }).issue().chainPem);
      expect(failures((await run(['verify', path('work/other.pem')])).out)).toEqual([
        'path',
        'issuer organization',
        'revocation',
      ]);
      const { cert } = await issue();
      const late = await run(['verify', cert], { now: new Date(Date.now() + 10 * 86_400_000) });
      expect(failures(late.out)).toEqual(['dates', 'path']);
      expect(failures((await run(['verify', path('veritas.yaml')])).out)).toEqual(['readable']);
      const json = await run(['verify', path('veritas.yaml'), '--json']);
      expect(json.code).toBe(1);
      expect(JSON.parse(json.out)).toMatchObject({ ok: false, checks: [{ check: 'readable', ok: false }] });
      expect(await run(['verify', path('nowhere.pem')])).toMatchObject({ code: 3, out: '' });
      expect(await run(['verify', cert, '--key', cert])).toMatchObject({ code: 3 });
    });
  });

  describe('help and errors', () => {
    it.each([
      'setup',
      'ca',
      'ca rollover',
      'audit',
      'migrate',
      'ca init',
      'ca show',
      'ca request',
      'ca install',
      'ca rollover status',
      'ca rollover prepare',
      'ca rollover publish',
      'ca rollover activate',
      'ca rollover retire',
      'ca rollover remove',
      'issue',
      'sign',
      'token',
      'revoke',
      'list',
      'show',
      'crl',
      'ocsp',
      'services',
      ...['list', 'show', 'history', 'report', 'allow', 'deny', 'shadow', 'remove', 'matrix'].map(
        (verb) => `services ${verb}`,
      ),
      'verify',
      'doctor',
      'renew',
      'backup',
      'restore',
      'audit verify',
      'audit export',
      '',
    ])('`%s --help` has three worked examples before the flags, and the exit codes', async (verb) => {
      const { code, out } = await run([...verb.split(' ').filter(Boolean), '--help']);
      expect(code).toBe(0);
      expect(out).toContain('Examples:');
      expect(out.indexOf('Examples:')).toBeLessThan(out.indexOf('Options:'));
      expect(out.slice(0, out.indexOf('Options:')).match(/^ {6}# /gm)).toHaveLength(3);
      expect(out).toMatch(/^ {2}3 {2}configuration, store/m);
      // Lines that were wrapped could not be pasted.
      for (const line of out.slice(out.indexOf('Examples:'), out.indexOf('Options:')).split('\n').slice(1))
        expect(line).toMatch(/^$|^ {2}|^Arguments:$/);
    });

    it.each([
      [['frobnicate']],
      [['issue']],
      [['issue', '--service', 'x', '--san', 'email:a@b']],
      [['issue', '--service', 'x', '--san', 'IP:300.1.1.1']],
      [['issue', '--service', 'x', '--ttl', 'soon']],
      [['list', '--status', 'unknown']],
      [['list', '--expires-before', 'tomorrow']],
      [['list', '--expires-before', '2027-02-31']],
      // Of which zone?
      [['list', '--expires-before', '2027-01-31T08:00:00']],
      [['list', '--expires-before', '2027-01-31 (Sunday)']],
      [['list', '--limit', '0']],
      [['ca']],
      [['ca', 'install']],
      [['ca', 'install', '--cert', 'x']],
      [['ca', 'rollover']],
      [['ca', 'rollover', 'remove', '--force']],
      [['renew']],
      [['renew', '--cert', 'x', '--key', 'y', '--url', 'http://localhost:5000']],
      [['renew', '--cert', 'x', '--key', 'y', '--before', 'soon']],
      [['audit', 'export', '--format', 'xml']],
      [['audit', 'export', '--since', 'yesterday']],
      [['audit', 'export', '--format', 'csv', '--json']],
    ])('%j is not understood', async (args) => {
      const { code, out, err } = await run(args);
      expect(code).toBe(2);
      expect(out).toBe('');
      expect(err).not.toBe('');
    });

    it('`sign --help` names the profile of a CA', async () => {
      expect((await run(['sign', '--help'])).out).toMatch(/intermediate\s+\(a\s+CA\)/);
      expect((await run(['issue', '--help'])).out).not.toContain('intermediate');
    });

    it.each<[readonly string[], number, object]>([
      [
        ['revoke', 'ffff'],
        1,
        { code: 'serial_unknown', message: expect.any(String), mend: 'look the serial number up with `veritas list`' },
      ],
      [['verify', 'nowhere.pem'], 3, { code: 'unusable', mend: 'look at its name and its permissions' }],
      [['issue', '--service', 'x', '--ttl', 'soon'], 2, { code: 'usage', message: expect.stringContaining('--ttl') }],
      [['issue'], 2, { code: 'usage', message: expect.stringContaining('--service'), mend: null }],
      [['ca', 'install'], 2, { code: 'usage', mend: 'give --cert and --root, --crl, or all three' }],
      [['list', '--config', '/nowhere.yaml'], 3, { code: 'configuration_invalid' }],
    ])('%j with --json: one line of JSON on stderr', async (args, code, error) => {
      const answer = await run([...args, '--json']);
      expect(answer).toMatchObject({ code, out: '' });
      expect(answer.err).toMatch(/^\{.*\}\n$/);
      const said = JSON.parse(answer.err) as { error: Record<string, unknown> };
      expect(Object.keys(said.error)).toEqual(['code', 'message', 'mend']);
      expect(said.error).toMatchObject(error);
    });

    it('says by its code what failed at every address of a host', () => {
      const failed = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
      expect([messageOf(failed), networkReasonOf(new TypeError('fetch failed', { cause: failed }))]).toEqual([
        'ECONNREFUSED',
        'ECONNREFUSED',
      ]);
    });

    it('names a bad setting, and shows no stack', async () => {
      const bad = await run(['list'], { environment: { VERITAS_STORE_POLL_INTERVAL: 'often' } });
      expect(bad).toMatchObject({ code: 3, out: '' });
      expect(bad.err).toContain('store.pollInterval');
      expect(bad.err).not.toMatch(/\n\s+at /);
      expect((await run(['--version'])).out).toBe('0.0.0-test\n');
    });
  });
});
