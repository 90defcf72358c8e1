import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Pkcs11KeyType, Pkcs11Settings } from '../../src/pki/issuer/pkcs11-protocol.js';
import { tokenOf } from '../../src/pki/issuer/pkcs11-token.js';
import { ensureSigner, openSigner } from '../../src/pki/issuer/open-signer.js';
import { KeyRecord } from '../../src/pki/issuer/recorded-signer.js';
import { AuditLog } from '../../src/audit/index.js';
import { openCertificationAuthority, type PkiSettings } from '../../src/pki/index.js';
import { generateTestKeyPair } from '../../src/testing/index.js';
import { openStore } from '../../src/store/index.js';
import { verifySignature } from '../../src/x509/index.js';
import { certificationRequest } from '../support/certification-request.js';
import { temporaryFolder } from '../support/folder.js';
import { somebody, temporarySettings } from '../support/temporary-authority.js';

const MODULE = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
].find(existsSync);

/** What the test asks of pkcs11js beside the program, to try and steal a key. */
interface Cryptoki {
  load(path: string): void;
  C_Initialize(): void;
  C_GetSlotList(present: boolean): Buffer[];
  C_GetTokenInfo(slot: Buffer): { label: string };
  C_OpenSession(slot: Buffer, flags: number): Buffer;
  C_Login(session: Buffer, user: number, pin: string): void;
  C_FindObjectsInit(session: Buffer, template: object[]): void;
  C_FindObjects(session: Buffer, most: number): Buffer[];
  C_FindObjectsFinal(session: Buffer): void;
  C_GetAttributeValue(session: Buffer, object: Buffer, template: object[]): { value: Buffer }[];
  C_SetAttributeValue(session: Buffer, object: Buffer, template: object[]): void;
}

// test/interop/run installs pkcs11js there: it is compiled at installation, and belongs to those who have a token.
const packageDirectory = process.env.PKCS11JS_DIRECTORY ?? '';

/** pkcs11js, which notes in a file when a session begins, logs in and ends. */
const noting = (file: string): string => `
  const { appendFileSync } = require('node:fs');
  const { PKCS11 } = require('node:module').createRequire(${JSON.stringify(join(packageDirectory, 'package.json'))})('pkcs11js');
  const note = (what) => appendFileSync(${JSON.stringify(file)}, what + '\\n');
  exports.PKCS11 = class extends PKCS11 {
    constructor() {
      super();
      for (const [name, what] of [['C_OpenSession', 'begin'], ['C_Login', 'login'], ['C_CloseSession', 'end']]) {
        const call = this[name];
        this[name] = (...rest) => { note(what); return call.apply(this, rest); };
      }
    }
  };`;

describe('keys on a PKCS#11 token', () => {
  let folder: string;
  let pkcs11: Pkcs11Settings;
  let settings: PkiSettings;
  let record: KeyRecord;
  const path = (name: string): string => join(folder, name);

  beforeAll(async () => {
    if (MODULE === undefined || packageDirectory === '')
      throw new Error('run it by npm run test:interop: it needs SoftHSM2 and PKCS11JS_DIRECTORY');
    folder = temporaryFolder();
    const made = spawnSync(
      'softhsm2-util',
      ['--module', MODULE, '--init-token', '--free', '--label', 'veritas', '--so-pin', '12345678', '--pin', '87654321'],
      { encoding: 'utf8' },
    );
    expect(`${made.stdout}${made.stderr}`).toContain('initialized');
    writeFileSync(path('pin'), '87654321\n', { mode: 0o600 });
    writeFileSync(path('wrong-pin'), '00000000\n', { mode: 0o600 });
    pkcs11 = { module: MODULE, token: 'veritas', pinFile: path('pin'), packageDirectory };
    settings = { ...temporarySettings(folder), pkcs11 };
    record = new KeyRecord(new AuditLog(await openStore({ path: ':memory:' })), somebody);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** The same token by a package that notes what is done, and what it noted since it was last asked. */
  const noted = (name: string) => {
    const [directory, file] = [path(name), path(`${name}.notes`)];
    mkdirSync(join(directory, 'node_modules/pkcs11js'), { recursive: true });
    writeFileSync(join(directory, 'node_modules/pkcs11js/index.js'), noting(file));
    const notes = (): string[] => {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
      rmSync(file, { force: true });
      return lines;
    };
    return { pkcs11: { ...pkcs11, packageDirectory: directory }, notes };
  };

  const openssl = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };

  // Before anything logs in: a login counts for the whole process.
  it('says what is wrong in one sentence, and tries a PIN that was refused once only', async () => {
    const attempt = (more: Partial<Pkcs11Settings>) =>
      ensureSigner({ ...settings, pkcs11: { ...pkcs11, ...more } }, 'root', record).then(
        () => 'opened',
        (error: unknown) => error as Error & { code: string },
      );
    expect(await attempt({ packageDirectory: folder })).toMatchObject({
      code: 'pkcs11_missing',
      message: 'pki.pkcs11 is set, and the package pkcs11js is not installed',
    });
    expect(await attempt({ module: path('missing.so') })).toMatchObject({
      code: 'token_unavailable',
      message: expect.stringContaining(`the PKCS#11 module ${path('missing.so')} cannot be loaded (`) as unknown,
    });
    expect(await attempt({ token: 'another' })).toMatchObject({
      code: 'token_unavailable',
      message: `the token "another" cannot be used in ${pkcs11.module} (not found)`,
    });
    expect(await attempt({ pinFile: path('no-pin') })).toMatchObject({ code: 'key_unreadable' });
    const refused = await attempt({ pinFile: path('wrong-pin') });
    expect(refused).toMatchObject({
      code: 'token_unavailable',
      message: `the token "veritas" refuses the PIN in ${path('wrong-pin')} (CKR_PIN_INCORRECT)`,
    });
    expect(await attempt({ pinFile: path('wrong-pin') })).toBe(refused);
    const { pkcs11: counted, notes } = noted('counted');
    const token = tokenOf({ ...counted, pinFile: path('wrong-pin') });
    const atOnce = ['a', 'b', 'c'].map((label) => token.call({ name: 'keys', label }));
    // Nobody stops the thread meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    for (const each of atOnce) await expect(each).rejects.toMatchObject({ code: 'token_unavailable' });
    expect(notes()).toEqual(['begin', 'login', 'end']);
  });

  it('holds the keys of a CA from its first start on, which signs certificates and lists', async () => {
    const store = await openStore({ path: path('var/veritas.db') });
    try {
      const authority = await openCertificationAuthority({ settings, store, create: true });
      const { chainPem, certificate } = await authority.ca.issue({
        request: certificationRequest({ key: generateTestKeyPair('P-256').privateKey }),
        requester: somebody,
      });
      await authority.ca.revoke({ serialNumber: certificate.serialNumber, requester: somebody });
      await authority.crls.publishIfDue(somebody);
      writeFileSync(path('leaf.pem'), chainPem);
    } finally {
      await store.close();
    }
    expect(existsSync(settings.directory) ? readdirSync(settings.directory) : []).toEqual([]);
    const chain = ['-CAfile', path('certs/root_ca.pem'), '-untrusted', path('certs/issuing_ca.pem')];
    expect(openssl('verify', '-x509_strict', ...chain, path('leaf.pem')).output).toBe(`${path('leaf.pem')}: OK\n`);
    for (const id of ['root', 'issuing'])
      expect(
        openssl(
          'crl',
          '-noout',
          '-inform',
          'DER',
          '-CAfile',
          path(`certs/${id}_ca.pem`),
          '-in',
          path(`var/crl/${id}.crl`),
        ).output,
      ).toContain('verify OK');
  });

  it('holds the key of the OCSP responder, whose answers openssl believes', async () => {
    const store = await openStore({ path: path('var/veritas.db') });
    const [issuing, response] = [path('certs/issuing_ca.pem'), path('ocsp-response')];
    try {
      const { ca, ocsp } = await openCertificationAuthority({ settings: { ...settings, ocsp: true }, store });
      const issue = async () =>
        (await ca.issue({ request: certificationRequest(), requester: somebody })).certificate.serialNumber;
      const [good, revoked] = [await issue(), await issue()];
      await ca.revoke({ serialNumber: revoked, reason: 'superseded', requester: somebody });
      const asked = ['-issuer', issuing, '-serial', `0x${good}`, '-serial', `0x${revoked}`];
      expect(openssl('ocsp', '-no_nonce', ...asked, '-reqout', path('ocsp-request')).status).toBe(0);
      const { der } = await ocsp!.answer(readFileSync(path('ocsp-request')));
      writeFileSync(response, der);
      const trust = ['-CAfile', path('certs/root_ca.pem'), '-verify_other', issuing];
      const { output } = openssl('ocsp', '-no_nonce', ...asked, '-respin', response, ...trust);
      expect(output).toContain('Response verify OK');
      expect(output).toMatch(new RegExp(`0x${good}: good[\\s\\S]*0x${revoked}: revoked[\\s\\S]*superseded`));
    } finally {
      await store.close();
    }
    expect(existsSync(settings.directory) ? readdirSync(settings.directory) : []).toEqual([]);
  });

  it('is the same CA at the next start, and not without its token', async () => {
    const store = await openStore({ path: path('var/veritas.db') });
    try {
      const { ca } = await openCertificationAuthority({ settings, store, create: true });
      await ca.openKeys();
      await expect(
        ca.issue({
          request: certificationRequest({ key: generateTestKeyPair('P-256').privateKey }),
          requester: somebody,
        }),
      ).resolves.toMatchObject({ certificate: { issuer: { key: ca.issuing.certificate.subject.key } } });
      const elsewhere = { ...settings, pkcs11: { ...pkcs11, keyLabelPrefix: 'other-' } };
      await expect(openCertificationAuthority({ settings: elsewhere, store, create: true })).rejects.toMatchObject({
        code: 'authority_mismatch',
      });
    } finally {
      await store.close();
    }
  });

  it.each<Pkcs11KeyType>(['P-256', 'P-384', 'Ed25519', 'RSA-3072'])(
    'makes a key of type %s, signs with it, and finds it again',
    async (keyType) => {
      const of = { ...settings, pkcs11: { ...pkcs11, keyType, keyLabelPrefix: `${keyType}-` } };
      const made = await ensureSigner(of, 'a', record);
      expect(made.publicKey.keyObject.asymmetricKeyType).toBe({ P: 'ec', E: 'ed25519', R: 'rsa' }[keyType[0]!]);
      const opened = openSigner(of, 'a', made.publicKey, record);
      for (let i = 0; i < 20; i++) {
        const octets = Buffer.from(`to be signed ${i}`);
        expect(verifySignature(opened.algorithm, made.publicKey, octets, await opened.sign(octets))).toBe(true);
      }
      expect((await ensureSigner(of, 'a', record)).publicKey.der).toEqual(made.publicKey.der);
      const another = openSigner(of, 'a', (await ensureSigner(of, 'b', record)).publicKey, record);
      await expect(another.open()).rejects.toMatchObject({ code: 'authority_mismatch' });
    },
    60_000,
  );

  it('leaves the event loop free while the token works', async () => {
    const of = { ...settings, pkcs11: { ...pkcs11, keyType: 'RSA-3072', keyLabelPrefix: 'slow-' } as const };
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const began = performance.now();
    await Promise.all(['a', 'b', 'c'].map((id) => ensureSigner(of, id, record)));
    const took = performance.now() - began;
    clearInterval(timer);
    // Making an RSA key takes a module hundreds of milliseconds in one call.
    expect(longest).toBeLessThan(took / 2);
  }, 60_000);

  it('never gives a key out, nor lets itself be told to', () => {
    const { PKCS11 } = createRequire(join(packageDirectory, 'package.json'))('pkcs11js') as {
      PKCS11: new () => Cryptoki;
    };
    const cryptoki = new PKCS11();
    cryptoki.load(pkcs11.module);
    try {
      cryptoki.C_Initialize();
    } catch {
      // The program did already.
    }
    const slot = cryptoki.C_GetSlotList(true).find((each) => cryptoki.C_GetTokenInfo(each).label.trim() === 'veritas')!;
    const session = cryptoki.C_OpenSession(slot, 6);
    try {
      cryptoki.C_Login(session, 1, '87654321');
    } catch {
      // The program did already.
    }
    cryptoki.C_FindObjectsInit(session, [{ type: 0, value: 3 }]);
    const keys = cryptoki.C_FindObjects(session, 100);
    cryptoki.C_FindObjectsFinal(session);
    expect(keys.length).toBeGreaterThanOrEqual(6);
    for (const key of keys) {
      const [type, ...flags] = cryptoki
        .C_GetAttributeValue(
          session,
          key,
          [0x100, 0x103, 0x165, 0x162, 0x164].map((each) => ({ type: each })),
        )
        .map(({ value }) => value[0]);
      // Sensitive, always so; extractable, never.
      expect(flags).toEqual([1, 1, 0, 1]);
      // CKA_VALUE of a curve's key, CKA_PRIVATE_EXPONENT of an RSA key.
      const secret = type === 0 ? 0x123 : 0x11;
      expect(() => cryptoki.C_GetAttributeValue(session, key, [{ type: secret }])).toThrow('CKR_ATTRIBUTE_SENSITIVE');
      expect(() => {
        cryptoki.C_SetAttributeValue(session, key, [{ type: 0x162, value: true }]);
      }).toThrow('CKR_');
    }
  });

  it('ends a session that failed, and begins a new one', async () => {
    const { pkcs11: counted, notes } = noted('ended');
    const token = tokenOf(counted);
    const sign = { name: 'sign', label: 'veritas-root', mechanism: 'ecdsa-sha256', octets: Buffer.from('x') } as const;
    for (let i = 0; i < 3; i++) {
      const both = [token.call({ ...sign, id: 'ff' }), token.call({ ...sign, id: 'fe' })];
      for (const each of both) await expect(each).rejects.toMatchObject({ code: 'token_unavailable' });
      expect(notes()).toEqual(['begin', 'login', 'end']);
    }
    const [key] = await token.call({ name: 'keys', label: 'veritas-root' });
    await expect(token.call({ ...sign, id: key!.id })).resolves.toHaveLength(64);
    expect(notes()).toEqual(['begin', 'login']);
  });
});
