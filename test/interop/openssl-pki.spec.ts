import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDevelopmentMaterial, type IssuedCertificate } from '../../src/pki/index.js';
import { generateTestKeyPair, type TestKeyType } from '../../src/testing/index.js';
import { encodePem } from '../../src/x509/index.js';
import { certificationRequest } from '../support/certification-request.js';
import { sqlitePlace } from '../support/postgres.js';
import { deriveInFull } from '../support/quick-derivation.js';
import {
  openTemporaryAuthority,
  somebody,
  temporarySettings,
  type TemporaryAuthority,
} from '../support/temporary-authority.js';

/** Runs the system's openssl; `input` goes to its stdin. */
function openssl(args: readonly string[], input?: string | Uint8Array): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('openssl', args, { input, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describe('what the CA makes, read by openssl', () => {
  let temporary: TemporaryAuthority;
  const path = (name: string): string => join(temporary.folder, name);
  beforeAll(async () => {
    // Made anew: the keys of a copy are encrypted another way.
    deriveInFull();
    const place = await sqlitePlace();
    const newPlace = () => Promise.resolve(place);
    temporary = await openTemporaryAuthority({ settings: temporarySettings(place.folder), newPlace });
    await createDevelopmentMaterial(temporary.authority);
    await temporary.authority.crls.publishIfDue(somebody);
  });
  afterAll(() => temporary.close());

  const verify = (certificate: string, ...more: string[]) =>
    openssl([
      'verify',
      '-x509_strict',
      ...more,
      '-CAfile',
      path('certs/root_ca.pem'),
      '-untrusted',
      path('certs/issuing_ca.pem'),
      certificate,
    ]);

  const issueTo = async (
    name: string,
    profile: string,
    key: TestKeyType = 'P-256',
  ): Promise<IssuedCertificate & { readonly file: string }> => {
    const request = certificationRequest({ key: generateTestKeyPair(key).privateKey });
    const issued = await temporary.authority.ca.issue({ request, profile, requester: somebody });
    writeFileSync(path(name), issued.chainPem);
    return { ...issued, file: path(name) };
  };

  it.each([
    ['server', 'sslserver'],
    ['client', 'sslclient'],
    ['service', 'sslserver'],
    ['service', 'sslclient'],
  ])('verifies profile %s for %s, strictly', async (profile, purpose) => {
    const { file } = await issueTo('leaf.pem', profile);
    expect(verify(file, '-purpose', purpose)).toEqual({ status: 0, output: `${file}: OK\n` });
    const other = { server: 'sslclient', client: 'sslserver' }[profile];
    if (other !== undefined) expect(verify(file, '-purpose', other).status).not.toBe(0);
  });

  it.each<TestKeyType>(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048'])(
    'verifies a leaf with a key of type %s',
    async (key) => {
      expect(verify((await issueTo('leaf.pem', 'service', key)).file).status).toBe(0);
    },
  );

  it('verifies the development material by name and address', () => {
    expect(verify(path('certs/server_cert.pem'), '-purpose', 'sslserver', '-verify_hostname', 'localhost').status).toBe(
      0,
    );
    expect(verify(path('certs/server_cert.pem'), '-purpose', 'sslserver', '-verify_ip', '::1').status).toBe(0);
    expect(verify(path('certs/client_cert.pem'), '-purpose', 'sslclient').status).toBe(0);
  });

  it('prints root, issuing CA and leaf', async () => {
    const root = openssl(['x509', '-noout', '-text', '-in', path('certs/root_ca.pem')]).output;
    expect(root).toMatch(/Basic Constraints: critical\s+CA:TRUE\n/);
    expect(root).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    const issuing = openssl(['x509', '-noout', '-text', '-in', path('certs/issuing_ca.pem')]).output;
    expect(issuing).toContain('CA:TRUE, pathlen:0');
    expect(issuing).toContain('URI:http://localhost:5080/crl/root.crl');
    const leaf = openssl(['x509', '-noout', '-text', '-in', (await issueTo('leaf.pem', 'server')).file]).output;
    expect(leaf).toMatch(/CA:FALSE/);
    expect(leaf).toContain('TLS Web Server Authentication');
    expect(leaf).toContain('CA Issuers - URI:http://localhost:5080/ca/issuing.cer');
  });

  it.each(['root', 'issuing'])('verifies the revocation list of %s', (id) => {
    const { output, status } = openssl([
      'crl',
      '-inform',
      'DER',
      '-noout',
      '-text',
      '-CAfile',
      path(`certs/${id}_ca.pem`),
      '-in',
      path(`var/crl/${id}.crl`),
    ]);
    expect(status).toBe(0);
    expect(output).toContain('verify OK');
    expect(output).toMatch(/X509v3 CRL Number:\s+\d+/);
    expect(output).toContain('X509v3 Authority Key Identifier');
  });

  it('checks the whole chain against the lists: good, then revoked', async () => {
    const { file, certificate } = await issueTo('leaf.pem', 'service');
    const check = () => {
      const lists = ['root', 'issuing'].map((id) => encodePem('X509 CRL', readFileSync(path(`var/crl/${id}.crl`))));
      writeFileSync(path('lists.pem'), lists.join(''));
      return verify(file, '-crl_check_all', '-CRLfile', path('lists.pem'));
    };
    expect(check().status).toBe(0);
    await temporary.authority.ca.revoke({
      serialNumber: certificate.serialNumber,
      reason: 'keyCompromise',
      requester: somebody,
    });
    await temporary.authority.crls.publishIfDue(somebody);
    const after = check();
    expect(after.status).not.toBe(0);
    expect(after.output).toContain('certificate revoked');
  });

  it.each(['root', 'issuing'])('opens the key of %s with the passphrase, and only with it', (id) => {
    const key = path(`certs/ca/${id}_ca.key.pem`);
    const opened = openssl(['pkey', '-in', key, '-passin', `file:${path('certs/ca/passphrase')}`, '-pubout']);
    expect(opened.status).toBe(0);
    expect(openssl(['x509', '-noout', '-pubkey', '-in', path(`certs/${id}_ca.pem`)]).output).toBe(opened.output);
    expect(openssl(['pkey', '-in', key, '-passin', 'pass:wrong', '-noout']).status).not.toBe(0);
    const asn1 = openssl(['asn1parse', '-in', key]).output;
    for (const word of ['PBES2', 'PBKDF2', 'hmacWithSHA256', 'aes-256-cbc', '0927C0']) expect(asn1).toContain(word);
  });

  it('signs a request that openssl made', async () => {
    const key = openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']).output;
    writeFileSync(path('own.key'), key);
    const request = openssl([
      'req',
      '-new',
      '-key',
      path('own.key'),
      '-subj',
      '/CN=orders',
      '-addext',
      'subjectAltName=DNS:orders.example.org',
    ]).output;
    const { chainPem } = await temporary.authority.ca.issue({ request, requester: somebody });
    writeFileSync(path('own.pem'), chainPem);
    expect(verify(path('own.pem'), '-verify_hostname', 'orders.example.org').status).toBe(0);
    const ca = openssl([
      'req',
      '-new',
      '-key',
      path('own.key'),
      '-subj',
      '/CN=orders',
      '-addext',
      'basicConstraints=critical,CA:TRUE',
    ]).output;
    await expect(temporary.authority.ca.issue({ request: ca, requester: somebody })).rejects.toMatchObject({
      code: 'ca_not_allowed',
    });
  });
});
