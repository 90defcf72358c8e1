import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createPrivateKey } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { certificationRequest } from '../../test/support/certification-request.js';
import { temporaryFolder } from '../../test/support/folder.js';
import { somebody, temporarySettings } from '../../test/support/temporary-authority.js';
import { listAudit, openStore, type Store } from '../store/index.js';
import { TestCa } from '../testing/index.js';
import { decodeCertificate, decodePem, KeyUsage, nameToString, validateCertificatePath } from '../x509/index.js';
import { openCertificationAuthority, type CertificationAuthority } from './certification-authority.js';
import type { PkiSettings } from './pki-settings.js';

describe('making a CA', () => {
  let folder: string;
  let stores: Store[];
  const path = (name: string): string => join(folder, name);
  const open = async (
    create = true,
    database = 'var/veritas.db',
    more: Partial<PkiSettings> = {},
  ): Promise<CertificationAuthority> => {
    const store = await openStore({ path: path(database) });
    stores.push(store);
    return openCertificationAuthority({ settings: { ...temporarySettings(folder), ...more }, store, create });
  };
  const snapshot = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(path('certs'), { recursive: true, encoding: 'utf8' })
        .filter((name) => statSync(path(`certs/${name}`)).isFile())
        .map((name) => [name, readFileSync(path(`certs/${name}`), 'utf8')]),
    );
  beforeEach(() => {
    folder = temporaryFolder();
    stores = [];
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    rmSync(folder, { recursive: true });
  });

  it('makes root and issuing CA as RFC 5280 has them, and changes nothing the second time', async () => {
    const { ca, published, audit } = await open();
    const [root, issuing] = ca.authorities.map(({ certificate }) => certificate);
    expect(nameToString(root!.subject)).toBe('CN=VERITAS Root CA,O=VERITAS Framework');
    expect(nameToString(issuing!.subject)).toBe('CN=VERITAS Issuing CA,O=VERITAS Framework');
    expect(root!.extensions.basicConstraints).toEqual({ cA: true, pathLenConstraint: undefined });
    expect(issuing!.extensions.basicConstraints).toEqual({ cA: true, pathLenConstraint: 0 });
    for (const { extensions } of [root!, issuing!]) {
      expect([...extensions.keyUsage!]).toEqual([KeyUsage.keyCertSign, KeyUsage.cRLSign]);
      expect(extensions.extendedKeyUsage).toBeUndefined();
    }
    const years = (from: Date, to: Date): number => (to.getTime() - from.getTime()) / (365 * 86_400_000);
    expect(years(root!.notBefore, root!.notAfter)).toBeCloseTo(10, 3);
    expect(years(issuing!.notBefore, issuing!.notAfter)).toBeCloseTo(5, 3);
    const validated = validateCertificatePath({ leaf: issuing!, anchors: [root!], time: new Date() });
    expect(validated.ok).toBe(true);
    expect(published.map((each) => each.slice(folder.length + 1))).toEqual([
      'certs/root_ca.pem',
      'certs/issuing_ca.pem',
      'certs/ca_bundle.pem',
    ]);
    expect((await ca.list()).rows.map(({ profile }) => profile).sort()).toEqual(['issuing', 'root']);
    const before = snapshot();
    const again = await open();
    expect(again.published).toEqual([]);
    expect(snapshot()).toEqual(before);
    expect(await audit.verify()).toEqual({ ok: true, rows: 10 });
  });

  it('makes keys of the type that is set, for a CA that is new, and the others keep theirs', async () => {
    const keysOf = ({ ca }: CertificationAuthority) =>
      ca.authorities.map(({ certificate }) => certificate.publicKey.parameters);
    const rsa = { type: 'rsa', bits: 3072 };
    expect(keysOf(await open(true, undefined, { keyType: 'RSA-3072' }))).toMatchObject([rsa, rsa]);
    const { rollover, ca } = await open(false, undefined, { keyType: 'Ed25519' });
    await rollover.take({ step: 'prepare', requester: somebody });
    expect(ca.authorities.map(({ certificate }) => certificate.publicKey.parameters.type)).toEqual([
      'rsa',
      'rsa',
      'ed25519',
    ]);
  });

  it('keeps its keys encrypted, 0600 in folders of 0700, and the passphrase in its own file', async () => {
    await open();
    for (const name of ['certs', 'certs/ca', 'var']) expect(statSync(path(name)).mode & 0o777).toBe(0o700);
    const passphrase = readFileSync(path('certs/ca/passphrase'), 'utf8').trim();
    expect(Buffer.from(passphrase, 'base64url')).toHaveLength(32);
    for (const id of ['root', 'issuing']) {
      const file = path(`certs/ca/${id}_ca.key.pem`);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const pem = readFileSync(file, 'utf8');
      expect(decodePem(pem)[0]?.label).toBe('ENCRYPTED PRIVATE KEY');
      expect(() => createPrivateKey({ key: pem, passphrase: 'wrong' })).toThrow();
      expect(createPrivateKey({ key: pem, passphrase }).asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    }
    expect(statSync(path('certs/ca/passphrase')).mode & 0o777).toBe(0o600);
    expect(readdirSync(path('certs')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('says that there is no CA instead of making one unasked', async () => {
    await expect(open(false)).rejects.toMatchObject({ code: 'authority_missing', status: 503 });
    expect(existsSync(path('certs'))).toBe(false);
  });

  it('goes on where a crash left off, with the keys that were made', async () => {
    await open();
    const key = readFileSync(path('certs/ca/root_ca.key.pem'));
    const root = readFileSync(path('certs/root_ca.pem'), 'utf8');
    // As after a crash between the two: the root is there, file and all, of the issuing CA nothing, and the store is new.
    for (const name of ['certs/ca/issuing_ca.key.pem', 'certs/issuing_ca.pem', 'certs/ca_bundle.pem'])
      rmSync(path(name));
    const { ca } = await open(true, 'var/new.db');
    expect(readFileSync(path('certs/ca/root_ca.key.pem'))).toEqual(key);
    expect(readFileSync(path('certs/root_ca.pem'), 'utf8')).toBe(root);
    expect(ca.authorities).toHaveLength(2);
    expect(
      validateCertificatePath({
        leaf: ca.issuing.certificate,
        anchors: [ca.authorities[0]!.certificate],
        time: new Date(),
      }).ok,
    ).toBe(true);
  });

  it('takes a CA into a new store when the old one is lost', async () => {
    const first = await open();
    const before = snapshot();
    const again = await open(true, 'var/new.db');
    expect(snapshot()).toEqual(before);
    expect(again.ca.issuing.certificate.fingerprint256).toBe(first.ca.issuing.certificate.fingerprint256);
    expect((await again.ca.list()).rows).toHaveLength(2);
    const rows = await listAudit(again.store.database, 0, 20);
    const actions = ['key.open', 'issuer.adopt', 'key.open', 'issuer.adopt', 'policy.change'];
    expect(rows.map(({ action, phase }) => `${action} ${phase}`)).toEqual(
      actions.flatMap((action) => [`${action} intent`, `${action} result`]),
    );
    await again.ca.issue({ request: certificationRequest(), requester: somebody });
  });

  it('refuses files that do not belong together', async () => {
    await open();
    copyFileSync(path('certs/ca/issuing_ca.key.pem'), path('saved'));
    copyFileSync(path('certs/ca/root_ca.key.pem'), path('certs/ca/issuing_ca.key.pem'));
    const asked = await open();
    await expect(asked.ca.openKeys()).rejects.toMatchObject({ code: 'authority_mismatch' });
    const unasked = await open(false);
    await expect(unasked.ca.issue({ request: certificationRequest(), requester: somebody })).rejects.toMatchObject({
      code: 'authority_mismatch',
    });
    rmSync(path('certs/ca/issuing_ca.key.pem'));
    await expect(open()).rejects.toMatchObject({
      code: 'authority_mismatch',
      message: expect.stringContaining('is gone'),
    });
    await expect(unasked.crls.sign('issuing', somebody)).rejects.toMatchObject({ code: 'key_unreadable' });
    copyFileSync(path('saved'), path('certs/ca/issuing_ca.key.pem'));
    writeFileSync(path('certs/issuing_ca.pem'), TestCa.root().intermediate().certificatePem);
    await expect(open(true, 'var/new.db')).rejects.toMatchObject({ code: 'authority_mismatch' });
  });

  it.each(['passphrase', 'root_ca.key.pem', 'issuing_ca.key.pem'])(
    'does not start when others may read %s',
    async (name) => {
      await open();
      chmodSync(path(`certs/ca/${name}`), 0o640);
      for (const create of [true, false])
        await expect(open(create)).rejects.toMatchObject({
          code: 'key_file_exposed',
          message: expect.stringContaining(name),
        });
    },
  );

  it('does not sign with a passphrase that does not open the key, nor with a key that is not encrypted', async () => {
    await open();
    writeFileSync(path('certs/ca/passphrase'), 'another');
    const { ca } = await open(false);
    const error: unknown = await ca
      .issue({ request: certificationRequest(), requester: somebody })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'key_unreadable' });
    expect(String(error)).not.toContain('another');
    writeFileSync(path('certs/ca/passphrase'), '\n');
    await expect((await open(false)).crls.sign('issuing', somebody)).rejects.toMatchObject({ code: 'key_unreadable' });
    writeFileSync(path('certs/ca/passphrase'), 'x');
    writeFileSync(path('certs/ca/issuing_ca.key.pem'), TestCa.root().keyPem);
    await expect((await open(false)).crls.sign('issuing', somebody)).rejects.toMatchObject({ code: 'key_unreadable' });
    writeFileSync(path('certs/ca/issuing_ca.key.pem'), Buffer.alloc(100_000));
    await expect(open(false)).rejects.toMatchObject({ code: 'key_unreadable' });
  });

  it.each([false, true])(
    'makes one CA when two processes begin at once, its certificates there: %s',
    async (isThere) => {
      if (isThere) {
        const { store } = await open();
        await store.close();
        rmSync(path('var'), { recursive: true });
      }
      // Each on a connection of its own, as processes are.
      stores = await Promise.all([1, 2, 3].map(() => openStore({ path: path('var/veritas.db') })));
      const settings = temporarySettings(folder);
      const made = await Promise.all(
        stores.map((store) => openCertificationAuthority({ settings, store, create: true })),
      );
      const after = await open();
      for (const { ca } of made)
        expect(ca.issuing.certificate.fingerprint256).toBe(after.ca.issuing.certificate.fingerprint256);
      expect((await after.ca.list()).rows).toHaveLength(2);
      const [leaf] = decodePem(readFileSync(path('certs/issuing_ca.pem')));
      expect(decodeCertificate(leaf!.octets).fingerprint256).toBe(after.ca.issuing.certificate.fingerprint256);
    },
  );
});
