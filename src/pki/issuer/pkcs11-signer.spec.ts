import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/folder.js';
import { withoutThreads } from '../../../test/support/threads.js';
import { generateTestKeyPair } from '../../testing/index.js';
import { subjectPublicKeyInfoOf, verifySignature } from '../../x509/index.js';
import type { Pkcs11KeyType, Pkcs11Settings } from './pkcs11-protocol.js';
import { ensureTokenSigner, hasTokenKey, Pkcs11Signer } from './pkcs11-signer.js';
import type { LargeOctets } from './signer.js';
import { tokenOf } from './pkcs11-token.js';

interface SoftToken {
  label: string;
  pin: string;
  objects: { label: string; curve?: string; extractable: boolean; hidden?: boolean; pem: string }[];
  [more: string]: unknown;
}

let folder: string;
let settings: Pkcs11Settings;
const inFolder = (name: string): string => join(folder, name);

/** Changes the token past everybody, as its administrator could. */
function change(work: (token: SoftToken) => void): void {
  const token = JSON.parse(readFileSync(settings.module, 'utf8')) as SoftToken;
  work(token);
  writeFileSync(settings.module, JSON.stringify(token));
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => error,
  );

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(inFolder('node_modules/pkcs11js'), { recursive: true });
  copyFileSync(resolve('test/fixtures/pkcs11/pkcs11js.cjs'), inFolder('node_modules/pkcs11js/index.js'));
  writeFileSync(inFolder('pin'), '1234\n', { mode: 0o600 });
  settings = { module: inFolder('token.json'), token: 'veritas', pinFile: inFolder('pin'), packageDirectory: folder };
  writeFileSync(settings.module, JSON.stringify({ label: 'veritas', pin: '1234', objects: [] }));
});

describe('a token that cannot be used is said in one sentence:', () => {
  test('no package, no module, no token or several, no PIN, or another session in the way', async () => {
    const attempt = (more: Partial<Pkcs11Settings>) => failure(hasTokenKey({ ...settings, ...more }, 'root'));
    expect(await attempt({ packageDirectory: temporaryFolder() })).toMatchObject({
      code: 'pkcs11_missing',
      message: 'pki.pkcs11 is set, and the package pkcs11js is not installed',
    });
    expect(await attempt({ module: inFolder('missing.so') })).toMatchObject({
      code: 'token_unavailable',
      message: expect.stringMatching(/^the PKCS#11 module \S+missing\.so cannot be loaded \(ENOENT[^\n]*\)$/),
    });
    await withoutThreads(async () => {
      expect(await attempt({ token: 'no threads' })).toMatchObject({
        code: 'token_unavailable',
        message: 'the token "no threads" cannot be used: its thread cannot be started (EAGAIN)',
      });
    });
    expect(await attempt({ token: 'another' })).toMatchObject({
      code: 'token_unavailable',
      message: `the token "another" cannot be used in ${settings.module} (not found)`,
    });
    expect(await attempt({ pinFile: inFolder('no-pin') })).toMatchObject({ code: 'key_unreadable' });
    change((token) => (token.slots = 2));
    expect(await attempt({})).toMatchObject({ message: expect.stringContaining('several tokens have this label') });
    change((token) => Object.assign(token, { slots: 1, locked: true }));
    expect(await attempt({})).toMatchObject({
      code: 'token_unavailable',
      message: 'the token "veritas" refuses the login (CKR_DEVICE_ERROR)',
    });
    // What passes by is tried again: and the process may have initialized the module already.
    change((token) => Object.assign(token, { locked: false, initialized: true }));
    expect(await hasTokenKey(settings, 'root')).toBe(false);
  });

  test('a package that breaks as it is loaded', async () => {
    writeFileSync(inFolder('node_modules/pkcs11js/index.js'), "throw new Error('no binding\\nfor this machine')");
    expect(await failure(hasTokenKey(settings, 'root'))).toMatchObject({
      code: 'pkcs11_missing',
      message: 'pki.pkcs11 is set, and the package pkcs11js cannot be loaded (no binding)',
    });
  });

  test('a PIN that was refused, which is not tried again: tokens lock themselves', async () => {
    writeFileSync(inFolder('pin'), '0000\n', { mode: 0o600 });
    const refused = await failure(hasTokenKey(settings, 'root'));
    expect(refused).toMatchObject({
      code: 'token_unavailable',
      message: `the token "veritas" refuses the PIN in ${settings.pinFile} (CKR_PIN_INCORRECT)`,
    });
    change((token) => (token.pin = '0000'));
    expect(await failure(hasTokenKey(settings, 'root'))).toBe(refused);
  });
});

describe('a key on a token', () => {
  test.each<Pkcs11KeyType>(['Ed25519', 'RSA-3072'])(
    'of type %s is made once, and signs octets of any number',
    async (keyType) => {
      const of = { ...settings, keyType };
      const made = await ensureTokenSigner(of, 'root');
      expect(await hasTokenKey(of, 'root')).toBe(true);
      expect((await ensureTokenSigner(of, 'root')).publicKey.der).toEqual(made.publicKey.der);
      const opened = new Pkcs11Signer(of, 'root', made.publicKey);
      const octets = Buffer.from('to be signed');
      expect(verifySignature(opened.algorithm, made.publicKey, octets, await opened.sign(octets))).toBe(true);
      const large: LargeOctets = {
        digest: (hash) => Promise.resolve(createHash(hash).update(octets).digest()),
        sign: () => Promise.reject(new Error('the key is on the token')),
        whole: () => Promise.resolve(octets),
      };
      expect(verifySignature(opened.algorithm, made.publicKey, octets, await opened.signLarge(large))).toBe(true);
    },
  );

  test.each<Pkcs11KeyType>(['P-256', 'P-384'])('of type %s is read as X.509 has it', async (keyType) => {
    const { publicKey, algorithm } = await ensureTokenSigner({ ...settings, keyType }, 'root');
    expect(publicKey.parameters).toEqual({ type: 'ec', curve: keyType });
    expect(algorithm.oid).toBe({ 'P-256': '1.2.840.10045.4.3.2', 'P-384': '1.2.840.10045.4.3.3' }[keyType as string]);
    await new Pkcs11Signer(settings, 'root', publicKey).open();
  });

  test('signs for nobody whose certificate has another key, or none on the token', async () => {
    const stranger = subjectPublicKeyInfoOf(generateTestKeyPair('Ed25519').publicKey);
    const open = () => failure(new Pkcs11Signer(settings, 'root', stranger).open());
    expect(await open()).toMatchObject({
      code: 'authority_mismatch',
      message: 'the token "veritas" holds no key veritas-root',
    });
    await ensureTokenSigner({ ...settings, keyType: 'Ed25519' }, 'root');
    expect(await open()).toMatchObject({
      code: 'authority_mismatch',
      message: `the key veritas-root of the token "veritas" does not belong to the CA's certificate`,
    });
    const curve = subjectPublicKeyInfoOf(generateTestKeyPair('P-521').publicKey);
    expect(() => new Pkcs11Signer(settings, 'root', curve)).toThrow('P-256, P-384, Ed25519 or RSA');
  });

  test('that the token would give out is not used, made before or found', async () => {
    const { publicKey } = await ensureTokenSigner({ ...settings, keyType: 'Ed25519' }, 'root');
    change(({ objects }) => {
      for (const each of objects) each.extractable = true;
    });
    const refusal = {
      code: 'token_unavailable',
      message: 'the token "veritas" would export its key veritas-root: the key is extractable or not sensitive',
    };
    expect(await failure(ensureTokenSigner(settings, 'root'))).toMatchObject(refusal);
    expect(await failure(new Pkcs11Signer(settings, 'root', publicKey).open())).toMatchObject(refusal);
  });

  test('of another curve, or without its public half, is none', async () => {
    await ensureTokenSigner({ ...settings, keyType: 'P-256' }, 'root');
    change(({ objects }) => {
      for (const each of objects) each.curve = '06052b8104000a';
    });
    expect(await failure(ensureTokenSigner(settings, 'root'))).toMatchObject({
      code: 'authority_mismatch',
      message: 'the key on the token is of a kind that is not supported',
    });
    change(({ objects }) => {
      for (const each of objects) each.hidden = true;
    });
    expect(await failure(ensureTokenSigner(settings, 'root'))).toMatchObject({
      code: 'token_unavailable',
      message: 'the token "veritas" failed (the public half of the key veritas-root is not on the token)',
    });
  });
});

describe('a session', () => {
  const octets = Buffer.from('to be signed');

  test('that failed is followed by a new one', async () => {
    const signer = await ensureTokenSigner({ ...settings, keyType: 'Ed25519' }, 'root');
    const sign = { name: 'sign', label: 'veritas-root', mechanism: 'ed25519', octets } as const;
    expect(await failure(tokenOf(settings).call({ ...sign, id: 'ff' }))).toMatchObject({
      code: 'token_unavailable',
      message: 'the token "veritas" failed (the key veritas-root is gone)',
    });
    expect(await signer.sign(octets)).toHaveLength(64);
  });

  test('that ends by itself fails whoever waits, and no more', async () => {
    const signer = await ensureTokenSigner({ ...settings, keyType: 'Ed25519' }, 'root');
    await signer.open();
    change((token) => (token.dies = true));
    await tokenOf(settings).call({ name: 'keys', label: 'veritas-root' });
    const both = await Promise.all([failure(signer.sign(octets)), failure(signer.sign(octets))]);
    for (const each of both)
      expect(each).toMatchObject({ code: 'token_unavailable', message: 'the token "veritas" ended its session' });
    change((token) => (token.dies = false));
    expect(await signer.sign(octets)).toHaveLength(64);
  });
});
