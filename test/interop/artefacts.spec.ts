import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPublished, type AuthorityKeyType, type ProfileDefinition } from '../../src/pki/index.js';
import { generateTestKeyPair, TestCa } from '../../src/testing/index.js';
import { decodePem, encodePem, generalNameFromString, Oid } from '../../src/x509/index.js';
import { certificationRequest } from '../support/certification-request.js';
import { temporaryFolder } from '../support/folder.js';
import {
  openTemporaryAuthority,
  somebody,
  temporarySettings,
  type TemporaryAuthority,
} from '../support/temporary-authority.js';

const OWN: readonly ProfileDefinition[] = [
  { name: 'short', purposes: ['clientAuth'], maximumLifetime: 86_400, noRevocation: true },
  { name: 'stapled', purposes: ['serverAuth'], maximumLifetime: 86_400, mustStaple: true },
  {
    name: 'intermediate-plant',
    kind: 'intermediate',
    pathLength: 1,
    nameConstraints: { permit: ['DNS:plant.example.org', 'IP:10.7.0.0/16'], exclude: ['URI:.evil.example'] },
  },
];
/** Each profile, with what OpenSSL and GnuTLS call its purpose. crl-issuer has none: its key signs lists. */
const PROFILES: readonly (readonly [name: string, openssl: string | undefined, gnutls: string | undefined])[] = [
  ['server', 'sslserver', Oid.serverAuth],
  ['client', 'sslclient', Oid.clientAuth],
  ['service', 'sslserver', Oid.serverAuth],
  ['service', 'sslclient', Oid.clientAuth],
  ['spiffe', 'sslclient', Oid.clientAuth],
  ['short', 'sslclient', Oid.clientAuth],
  ['stapled', 'sslserver', Oid.serverAuth],
  ['ocsp-responder', 'ocsphelper', Oid.ocspSigning],
  ['crl-issuer', undefined, undefined],
];
const rsa = (modulusLength: number): KeyObject => generateKeyPairSync('rsa', { modulusLength }).privateKey;
const KEYS: Readonly<Record<string, KeyObject>> = {
  'P-256': generateTestKeyPair('P-256').privateKey,
  'P-384': generateTestKeyPair('P-384').privateKey,
  'P-521': generateTestKeyPair('P-521').privateKey,
  Ed25519: generateTestKeyPair('Ed25519').privateKey,
  'RSA-2048': rsa(2048),
  'RSA-3072': rsa(3072),
  'RSA-4096': rsa(4096),
  'RSA-PSS-2048': generateTestKeyPair('RSA-PSS-2048').privateKey,
};

function run(command: string, args: readonly string[]): { readonly ok: boolean; readonly says: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === null) throw new Error(`these tests need ${command}: apt-get install openssl gnutls-bin`);
  return { ok: status === 0, says: stdout + stderr };
}

describe('every artefact, by OpenSSL and by GnuTLS', () => {
  let temporary: TemporaryAuthority;
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const write = (name: string, text: string): string => {
    writeFileSync(path(name), text);
    return path(name);
  };
  const root = (): string => path('certs/root_ca.pem');
  const openssl = (leaf: string, ...more: string[]) =>
    run('openssl', [
      'verify',
      '-x509_strict',
      ...more,
      '-CAfile',
      root(),
      '-untrusted',
      path('certs/issuing_ca.pem'),
      leaf,
    ]);
  const gnutls = (chain: string, ...more: string[]) =>
    run('certtool', [
      '--verify',
      '--verify-profile=medium',
      ...more,
      '--load-ca-certificate',
      root(),
      '--infile',
      chain,
    ]);

  beforeAll(async () => {
    const version = execFileSync('certtool', ['--version'], { encoding: 'utf8' }).split('\n')[0];
    process.stdout.write(`${version}\n`);
    temporary = await openTemporaryAuthority({ settings: { ...temporarySettings(folder), profiles: OWN } });
    await temporary.authority.crls.publishIfDue(somebody);
  });
  afterAll(() => temporary.close());

  it.each(
    PROFILES.flatMap(([profile, purpose, oid]) => Object.keys(KEYS).map((key) => ({ profile, purpose, oid, key }))),
  )('$profile for $purpose, $key', async ({ profile, purpose, oid, key }) => {
    const id = generalNameFromString('URI:spiffe://example.org/orders');
    const { certificatePem, chainPem } = await temporary.authority.ca.issue({
      request: certificationRequest({ key: KEYS[key]! }),
      profile,
      names: profile === 'spiffe' && id ? [id] : [],
      requester: somebody,
    });
    const leaf = write('leaf.pem', certificatePem);
    expect(openssl(leaf, ...(purpose === undefined ? [] : ['-purpose', purpose]))).toEqual({
      ok: true,
      says: `${leaf}: OK\n`,
    });
    const says = gnutls(write('chain.pem', chainPem), ...(oid === undefined ? [] : [`--verify-purpose=${oid}`]));
    expect(says).toMatchObject({ ok: true, says: expect.stringContaining('Verified. The certificate is trusted.') });
  });

  it.each(Object.keys(KEYS))('a CA below the root with the key %s', async (key) => {
    const permitted = generalNameFromString('DNS:example.org');
    const { certificatePem } = await temporary.authority.ca.issueIntermediate({
      request: certificationRequest({ key: KEYS[key]!, commonName: `Plant ${key}` }),
      nameConstraints: { permittedSubtrees: permitted ? [permitted] : [], excludedSubtrees: [] },
      requester: somebody,
    });
    const file = write('intermediate.pem', certificatePem);
    expect(openssl(file)).toEqual({ ok: true, says: `${file}: OK\n` });
    expect(gnutls(file)).toMatchObject({ ok: true });
  });

  it("a profile of the operator's own: OpenSSL holds what is below such a CA to its path length and constraints", async () => {
    const key = KEYS['P-256']!;
    const { certificatePem } = await temporary.authority.ca.issueIntermediate({
      request: certificationRequest({ key, commonName: 'Plant CA' }),
      profile: 'intermediate-plant',
      requester: somebody,
    });
    const plant = write('plant.pem', certificatePem);
    expect(openssl(plant)).toEqual({ ok: true, says: `${plant}: OK\n` });
    expect(gnutls(plant)).toMatchObject({ ok: true });
    write('plant.key', String(key.export({ format: 'pem', type: 'pkcs8' })));
    const below = (name: string, by: string, extensions: string): string => {
      const [signer, signerKey] = [path(`${by}.pem`), path(`${by}.key`)];
      const subject = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`];
      const files = ['-keyout', path(`${name}.key`), '-out', path(`${name}.pem`), '-CA', signer, '-CAkey', signerKey];
      const added = extensions.split(';').flatMap((each) => ['-addext', each]);
      const made = run('openssl', ['req', '-x509', '-days', '1', ...subject, ...files, ...added]);
      expect(made).toMatchObject({ ok: true });
      return path(`${name}.pem`);
    };
    const verify = (leaf: string, ...untrusted: string[]) =>
      run('openssl', [
        ...['verify', '-x509_strict', '-CAfile', root()],
        ...untrusted.flatMap((name) => ['-untrusted', path(`${name}.pem`)]),
        leaf,
      ]);
    const ca = 'basicConstraints=critical,CA:TRUE;keyUsage=critical,keyCertSign';
    const leaf = 'basicConstraints=CA:FALSE;keyUsage=digitalSignature;subjectAltName=DNS';
    expect(verify(below('good', 'plant', `${leaf}:a.plant.example.org`), 'plant').ok).toBe(true);
    expect(verify(below('foreign', 'plant', `${leaf}:a.example.org`), 'plant').says).toContain('permitted subtree');
    below('line', 'plant', ca);
    expect(verify(below('deep', 'line', `${leaf}:a.plant.example.org`), 'plant', 'line').ok).toBe(true);
    below('cell', 'line', ca);
    expect(verify(below('deeper', 'cell', `${leaf}:b.plant.example.org`), 'plant', 'line', 'cell').says).toContain(
      'path length constraint',
    );
  });

  it('root and issuing CA', () => {
    for (const name of ['root', 'issuing']) {
      expect(openssl(path(`certs/${name}_ca.pem`))).toMatchObject({ ok: true });
      expect(gnutls(path(`certs/${name}_ca.pem`))).toMatchObject({ ok: true });
    }
  });

  it.each(['root', 'issuing'])('the revocation list of %s', async (id) => {
    const der = await readPublished(temporary.authority.crls.current(id)!);
    const list = write('list.pem', encodePem('X509 CRL', der));
    const ca = path(`certs/${id}_ca.pem`);
    expect(run('openssl', ['crl', '-noout', '-CAfile', ca, '-in', list])).toEqual({ ok: true, says: 'verify OK\n' });
    const says = run('certtool', ['--verify-crl', '--load-ca-certificate', ca, '--infile', list]);
    expect(says).toMatchObject({ ok: true, says: expect.stringContaining('Verification output: Verified.') });
  });

  it('both refuse what is for something else, and a chain whose end they do not trust', async () => {
    const request = certificationRequest({ key: KEYS['P-256']! });
    const { certificatePem, chainPem } = await temporary.authority.ca.issue({
      request,
      profile: 'client',
      requester: somebody,
    });
    expect(openssl(write('leaf.pem', certificatePem), '-purpose', 'sslserver').ok).toBe(false);
    expect(gnutls(write('chain.pem', chainPem), `--verify-purpose=${Oid.serverAuth}`).ok).toBe(false);
    const stranger = write('stranger.pem', TestCa.root().certificatePem);
    const ours = [path('certs/issuing_ca.pem'), path('leaf.pem')] as const;
    expect(run('openssl', ['verify', '-x509_strict', '-CAfile', stranger, '-untrusted', ...ours]).ok).toBe(false);
    expect(run('certtool', ['--verify', '--load-ca-certificate', stranger, '--infile', path('chain.pem')]).ok).toBe(
      false,
    );
  });
});

const CA_KEYS: readonly (readonly [AuthorityKeyType, openssl: string])[] = [
  ['P-256', 'prime256v1'],
  ['P-384', 'secp384r1'],
  ['Ed25519', 'ED25519'],
  ['RSA-2048', '2048 bit'],
  ['RSA-3072', '3072 bit'],
  ['RSA-4096', '4096 bit'],
];

describe.each(CA_KEYS)('a CA with keys of the type %s', (keyType, text) => {
  let temporary: TemporaryAuthority;
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const write = (name: string, content: string): string => {
    writeFileSync(path(name), content);
    return path(name);
  };
  const ca = (id: string): string => path(`certs/${id}_ca.pem`);
  const issue = (profile: string, key: string) =>
    temporary.authority.ca.issue({ request: certificationRequest({ key: KEYS[key]! }), profile, requester: somebody });

  beforeAll(async () => {
    temporary = await openTemporaryAuthority({ settings: { ...temporarySettings(folder), keyType } });
    await temporary.authority.crls.publishIfDue(somebody);
  });
  afterAll(() => temporary.close());

  it('has such keys, and its certificates are accepted, whatever key they are for', async () => {
    expect(run('openssl', ['x509', '-in', ca('root'), '-noout', '-text']).says).toContain(text);
    for (const key of Object.keys(KEYS)) {
      const { certificatePem, chainPem } = await issue('client', key);
      const leaf = write('leaf.pem', certificatePem);
      const strict = ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', ca('root')];
      const openssl = run('openssl', [...strict, '-untrusted', ca('issuing'), leaf]);
      expect([key, openssl]).toEqual([key, { ok: true, says: `${leaf}: OK\n` }]);
      const chain = write('chain.pem', chainPem);
      const gnutls = run('certtool', ['--verify', '--load-ca-certificate', ca('root'), '--infile', chain]);
      expect([key, gnutls]).toMatchObject([key, { ok: true }]);
    }
  });

  it.each(['root', 'issuing'])('the revocation list of %s', async (id) => {
    const der = await readPublished(temporary.authority.crls.current(id)!);
    const list = write('list.pem', encodePem('X509 CRL', der));
    const verified = run('openssl', ['crl', '-noout', '-CAfile', ca(id), '-in', list]);
    expect(verified).toEqual({ ok: true, says: 'verify OK\n' });
    expect(run('certtool', ['--verify-crl', '--load-ca-certificate', ca(id), '--infile', list])).toMatchObject({
      ok: true,
    });
  });

  it('a chain through a cross-certificate leads to either root', async () => {
    const take = (step: 'prepare' | 'publish' | 'activate', root = true) =>
      temporary.authority.rollover.take({ step, root, requester: somebody });
    for (const step of ['prepare', 'publish', 'activate'] as const) await take(step);
    for (const step of ['prepare', 'publish', 'activate'] as const) await take(step, false);
    const { certificatePem, chainPem } = await issue('server', 'P-256');
    const leaf = write('leaf.pem', certificatePem);
    const [, ...above] = decodePem(chainPem).map(({ octets }) => encodePem('CERTIFICATE', octets));
    const untrusted = write('above.pem', above.join(''));
    for (const anchor of ['root', 'root-2']) {
      const strict = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca(anchor)];
      expect(run('openssl', [...strict, '-untrusted', untrusted, leaf])).toEqual({ ok: true, says: `${leaf}: OK\n` });
    }
    // certtool takes the chain in the order given and to the end: the leaf, its CA, the new root as the old one certified it.
    expect(above).toHaveLength(2);
    const chain = write('chain.pem', chainPem);
    expect(run('certtool', ['--verify', '--load-ca-certificate', ca('root'), '--infile', chain])).toMatchObject({
      ok: true,
      says: expect.stringContaining('Verified. The certificate is trusted.'),
    });
  });
});
