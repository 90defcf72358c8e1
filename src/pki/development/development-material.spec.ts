import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createPrivateKey } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openTemporaryAuthority, type TemporaryAuthority } from '../../../test/support/temporary-authority.js';
import { generateTestKeyPair, TestCa } from '../../testing/index.js';
import { decodeCertificates, generalNameToString, nameToString, subjectPublicKeyInfoOf } from '../../x509/index.js';
import type { ProfileDefinition } from '../profile/profile-definition.js';
import { createDevelopmentMaterial } from './development-material.js';

describe('development material', () => {
  let temporary: TemporaryAuthority;
  const path = (name: string): string => join(temporary.folder, 'certs', name);
  const read = (name: string) => decodeCertificates(readFileSync(path(name)));
  const make = async (now?: () => Date) =>
    (await createDevelopmentMaterial(temporary.authority, now ? { now } : {})).map(({ path: file, outcome, note }) =>
      [basename(file), outcome, ...(note === undefined ? [] : [note])].join(' '),
    );
  beforeEach(async () => {
    temporary = await openTemporaryAuthority();
  });
  afterEach(() => temporary.close());

  it('makes server and client once, leaf before issuing CA, keys for their owner only', async () => {
    expect(await make()).toEqual([
      'server_key.pem made',
      'server_cert.pem made',
      'client_key.pem made',
      'client_cert.pem made',
    ]);
    const [server, issuing] = read('server_cert.pem');
    expect(nameToString(server.subject)).toBe('CN=veritas.local,O=VERITAS Framework');
    expect(server.extensions.subjectAltName?.map(generalNameToString)).toEqual([
      'DNS:veritas.local',
      'DNS:localhost',
      'IP:127.0.0.1',
      'IP:::1',
    ]);
    expect((server.notAfter.getTime() - Date.now()) / 86_400_000).toBeCloseTo(365, 1);
    expect(issuing!.fingerprint256).toBe(temporary.authority.ca.issuing.certificate.fingerprint256);
    const [client] = read('client_cert.pem');
    expect(nameToString(client.subject)).toBe('CN=veritas-client,O=VERITAS Framework');
    for (const name of ['server', 'client']) {
      expect(statSync(path(`${name}_key.pem`)).mode & 0o777).toBe(0o600);
      const key = subjectPublicKeyInfoOf(createPrivateKey(readFileSync(path(`${name}_key.pem`))));
      expect(read(`${name}_cert.pem`)[0].publicKey.der).toEqual(key.der);
    }
    const before = readdirSync(path('.')).map((name) => [name, statSync(path(name)).mtimeMs]);
    expect(await make()).toEqual([
      'server_key.pem kept',
      'server_cert.pem kept',
      'client_key.pem kept',
      'client_cert.pem kept',
    ]);
    expect(readdirSync(path('.')).map((name) => [name, statSync(path(name)).mtimeMs])).toEqual(before);
  });

  it('renews what expired, for the same key', async () => {
    await make();
    const key = readFileSync(path('server_key.pem'));
    const [before] = read('server_cert.pem');
    expect(await make(() => new Date(before.notAfter.getTime() + 1))).toContain('server_cert.pem renewed');
    expect(readFileSync(path('server_key.pem'))).toEqual(key);
    expect(read('server_cert.pem')[0].serialNumber).not.toBe(before.serialNumber);
  });

  it('keeps what is not its own, and says so', async () => {
    await make();
    const { certificate, chainPem } = TestCa.root().issue({ commonName: 'veritas.local' });
    writeFileSync(path('server_cert.pem'), chainPem);
    expect(await make()).toContain('server_cert.pem kept does not belong to its key');
    expect(read('server_cert.pem')[0].serialNumber).toBe(certificate.serialNumber);
    const keyPair = generateTestKeyPair();
    writeFileSync(path('client_key.pem'), keyPair.privateKey.export({ format: 'pem', type: 'pkcs8' }));
    writeFileSync(path('client_cert.pem'), TestCa.root().issue({ keyPair }).chainPem);
    expect(await make()).toContain('client_cert.pem kept was issued by another CA');
  });

  it('makes a certificate for a key that is there, and never a key in its place', async () => {
    await make();
    const key = readFileSync(path('client_key.pem'));
    rmSync(path('client_cert.pem'));
    expect(await make()).toEqual(expect.arrayContaining(['client_key.pem kept', 'client_cert.pem made']));
    expect(readFileSync(path('client_key.pem'))).toEqual(key);
    writeFileSync(path('client_key.pem'), 'not a key');
    await expect(make()).rejects.toMatchObject({ code: 'key_unreadable' });
    chmodSync(path('client_key.pem'), 0o644);
    await expect(make()).rejects.toMatchObject({ code: 'key_file_exposed' });
  });

  describe("with an operator's own profiles in the place of those that are built in", () => {
    const makeBy = async (...profiles: ProfileDefinition[]) =>
      createDevelopmentMaterial(await temporary.reopen({ settings: { ...temporary.settings, profiles } }));
    const server = { name: 'server', purposes: ['serverAuth'] } as const;

    it('makes keys that they certify, for as long as they give', async () => {
      await makeBy(
        { ...server, maximumLifetime: 86_400, keyTypes: ['RSA'], minimumRsaBits: 2560 },
        { name: 'client', purposes: ['clientAuth'], maximumLifetime: 398 * 86_400, keyTypes: ['Ed25519', 'P-384'] },
      );
      const [leaf] = read('server_cert.pem');
      expect(leaf.publicKey.parameters).toMatchObject({ type: 'rsa', bits: 2560 });
      expect((leaf.notAfter.getTime() - Date.now()) / 86_400_000).toBeCloseTo(1, 1);
      const [client] = read('client_cert.pem');
      expect(client.publicKey.parameters).toMatchObject({ type: 'ed25519' });
      expect((client.notAfter.getTime() - Date.now()) / 86_400_000).toBeCloseTo(365, 1);
    });

    it('says which profile it is that does not give the names, and leaves no key behind', async () => {
      const profiles = [
        { name: 'other', purposes: ['clientAuth'] },
        { ...server, names: { dns: [] } },
      ] as const;
      await expect(makeBy(...profiles)).rejects.toMatchObject({
        code: 'development_refused',
        message: `${path('server_cert.pem')} cannot be made, as pki.profiles[1] refuses it: profile server does not give "DNS:localhost"`,
      });
      expect(readdirSync(path('.')).filter((name) => name.startsWith('server'))).toEqual([]);
    });

    it('keeps a key that they certify no more, and says so', async () => {
      await make();
      const key = readFileSync(path('server_key.pem'));
      rmSync(path('server_cert.pem'));
      await expect(makeBy({ ...server, keyTypes: ['RSA'] })).rejects.toMatchObject({
        code: 'development_refused',
        mend: expect.stringContaining('move the key beside it away') as unknown,
      });
      expect(readFileSync(path('server_key.pem'))).toEqual(key);
    });
  });
});
