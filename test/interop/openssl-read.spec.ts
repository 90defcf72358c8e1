import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateTestKeyPair, TestCa, type TestKeyType } from '../../src/testing/index.js';
import {
  attributeValues,
  decodeCertificate,
  decodeCertificateList,
  decodeCertificationRequest,
  encodeCertificationRequestInfo,
  encodeExtensionOf,
  encodeName,
  encodePem,
  encodeSigned,
  generalNameToString,
  ipFromString,
  KeyUsage,
  nameToString,
  octetsFromPemOrDer,
  Oid,
  secondOpinion,
  secondOpinionOnList,
  secondOpinionOnRequest,
  signOctets,
  subjectPublicKeyInfoOf,
  verifySignature,
  type GeneralName,
} from '../../src/x509/index.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'veritas-openssl-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What `openssl` prints: standard output, then standard error. Throws with all of it when it refuses. */
function openssl(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout + stderr;
}
const save = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return name;
};
const load = (name: string): Buffer => readFileSync(join(folder, name));
const first = (name: string, label: string): Uint8Array => octetsFromPemOrDer(load(name), label)[0];

const subject = encodeName([
  [{ type: Oid.countryName, value: 'DE' }],
  [{ type: Oid.organizationName, value: 'Grüße, Söhne' }],
  [
    { type: Oid.commonName, value: 'orders' },
    { type: Oid.userId, value: '42' },
  ],
]);
const names: readonly GeneralName[] = [
  { kind: 'dns', value: 'orders.example' },
  { kind: 'ip', value: Buffer.of(127, 0, 0, 1) },
  { kind: 'ip', value: ipFromString('2001:db8::1') ?? Buffer.alloc(16) },
  { kind: 'uri', value: 'spiffe://example/orders' },
  { kind: 'email', value: 'a@example' },
  { kind: 'registeredId', value: '2.999' },
  { kind: 'directory', value: subject },
];
const keyTypes: readonly TestKeyType[] = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048', 'RSA-PSS-2048'];

describe.each(keyTypes)('OpenSSL reads what we write with %s', (keyType) => {
  const root = TestCa.root({ keyType });
  const issuing = root.intermediate({ keyType, pathLenConstraint: 0 });
  const leaf = issuing.issue({
    subject,
    names,
    keyType,
    extensions: [
      encodeExtensionOf.crlDistributionPoints(['http://crl.example/a.crl']),
      encodeExtensionOf.certificatePolicies(['2.999.1']),
      encodeExtensionOf.authorityInfoAccess([
        { accessMethod: Oid.caIssuers, accessLocation: { kind: 'uri', value: 'http://ca.example/a.cer' } },
      ]),
    ],
  });

  test('certificates', () => {
    const text = openssl(
      'x509',
      '-inform',
      'DER',
      '-noout',
      '-text',
      '-nameopt',
      'RFC2253,utf8,-esc_msb',
      '-in',
      save('leaf.der', leaf.certificate.der),
    );
    expect(text).toContain('Subject: UID=42+CN=orders,O=Grüße\\, Söhne,C=DE');
    expect(text).toContain(
      'DNS:orders.example, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, URI:spiffe://example/orders, email:a@example, Registered ID:2.999',
    );
    expect(text).toContain('TLS Web Server Authentication, TLS Web Client Authentication');
    expect(text).toContain('URI:http://crl.example/a.crl');
    expect(text).toContain('CA Issuers - URI:http://ca.example/a.cer');
    expect(text).toContain('Policy: 2.999.1');
    expect(openssl('x509', '-inform', 'DER', '-noout', '-serial', '-in', 'leaf.der').trim()).toBe(
      `serial=${leaf.certificate.serialNumber.toUpperCase()}`,
    );
    // The same octets after OpenSSL took them apart.
    expect(octetsFromPemOrDer(openssl('x509', '-inform', 'DER', '-in', 'leaf.der'), 'CERTIFICATE')).toEqual([
      leaf.certificate.der,
    ]);
  });

  test('the path, strictly', () => {
    save('root.pem', root.certificatePem);
    save('issuing.pem', issuing.certificatePem);
    save('leaf.pem', leaf.certificatePem);
    expect(openssl('verify', '-x509_strict', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'leaf.pem')).toBe(
      'leaf.pem: OK\n',
    );
  });

  test('CRLs', () => {
    const der = issuing.crl([{ certificate: leaf.certificate, reason: 1 }], { number: 4660n });
    save('issuing.pem', issuing.certificatePem);
    save('list.pem', encodePem('X509 CRL', der));
    const text = openssl('crl', '-noout', '-text', '-CAfile', 'issuing.pem', '-in', 'list.pem');
    expect(text).toContain(`Serial Number: ${leaf.certificate.serialNumber.toUpperCase()}`);
    expect(text).toContain('Key Compromise');
    expect(openssl('crl', '-noout', '-crlnumber', '-in', 'list.pem').trim()).toBe('crlNumber=0x1234');
    expect(() =>
      openssl(
        'verify',
        '-crl_check',
        '-CAfile',
        'root.pem',
        '-untrusted',
        'issuing.pem',
        '-CRLfile',
        'list.pem',
        save('leaf.pem', leaf.certificatePem),
      ),
    ).toThrow('certificate revoked');
  });

  test('requests', () => {
    const { publicKey, privateKey } = generateTestKeyPair(keyType);
    const info = encodeCertificationRequestInfo({
      subject,
      publicKey: subjectPublicKeyInfoOf(publicKey),
      extensions: [encodeExtensionOf.subjectAltName(names)],
    });
    const { algorithm, signature } = signOctets(info, privateKey);
    const der = encodeSigned(info, algorithm, signature);
    const text = openssl('req', '-inform', 'DER', '-verify', '-noout', '-text', '-in', save('request.der', der));
    expect(text).toContain('DNS:orders.example');
    expect(text).toMatch(/verify OK/);
    const flipped = Buffer.from(der);
    flipped[flipped.length - 1] = (flipped[flipped.length - 1] ?? 0) ^ 1;
    expect(openssl('req', '-inform', 'DER', '-verify', '-noout', '-in', save('flipped.der', flipped))).toMatch(
      /verify failure/,
    );
  });

  test('as plain ASN.1', () => {
    const der = leaf.certificate.der;
    const parsed = openssl(
      'asn1parse',
      '-inform',
      'DER',
      '-strparse',
      String(Buffer.from(der).indexOf(leaf.certificate.tbs)),
      '-in',
      save('leaf.der', der),
    );
    expect(parsed.split('\n')[0]).toMatch(new RegExp(`l= *${leaf.certificate.tbs.length - 4} cons: SEQUENCE`));
  });
});

const newKeys: Readonly<Record<string, readonly string[]>> = {
  'RSA-2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'P-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'P-521': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  Ed25519: ['-algorithm', 'ED25519'],
};
const config = `
[req]
distinguished_name = dn
prompt = no
string_mask = utf8only
[dn]
[ca]
default_ca = test
[test]
database = index.txt
crlnumber = crlnumber
default_md = default
default_crl_days = 7
crl_extensions = list
[list]
authorityKeyIdentifier = keyid
[root]
basicConstraints = critical, CA:TRUE, pathlen:2
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
nameConstraints = critical, permitted;DNS:example, permitted;IP:10.0.0.0/255.0.0.0, excluded;email:.bad.example
policyConstraints = requireExplicitPolicy:0, inhibitPolicyMapping:3
inhibitAnyPolicy = 1
[full]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature, keyAgreement, decipherOnly
extendedKeyUsage = clientAuth, 2.999.5
subjectAltName = DNS:a.example, DNS:*.b.example, IP:10.1.2.3, IP:2001:db8::1, URI:spiffe://example/a, email:a@example, RID:2.999.1, otherName:1.3.6.1.4.1.311.20.2.3;UTF8:ü@example, dirName:dir
issuerAltName = DNS:issuer.example
certificatePolicies = 2.999.1, @policy
authorityInfoAccess = OCSP;URI:http://ocsp.example/, caIssuers;URI:http://ca.example/a.cer
crlDistributionPoints = point
tlsfeature = status_request
[dir]
O = Inside
CN = dir
[policy]
policyIdentifier = 2.999.2
CPS.1 = http://cps.example/
userNotice.1 = @notice
[notice]
explicitText = UTF8:read this
[point]
fullname = URI:http://crl.example/a.crl
CRLissuer = dirName:dir
reasons = keyCompromise, CACompromise
`;

describe.each(Object.keys(newKeys))('we read what OpenSSL writes with %s', (type) => {
  const dn = '/C=DE/O=Grüße, Söhne/OU=a\\/b/CN=orders+UID=42/emailAddress=a@example';
  const issue = (name: string, extensions: string): void => {
    openssl('genpkey', ...(newKeys[type] ?? []), '-out', `${name}.key`);
    openssl(
      'req',
      '-x509',
      '-new',
      '-key',
      `${name}.key`,
      '-utf8',
      '-subj',
      dn,
      '-days',
      '3',
      '-set_serial',
      '0x00ab12',
      '-config',
      save('openssl.cnf', config),
      '-extensions',
      extensions,
      '-out',
      `${name}.pem`,
    );
  };

  test('a certificate with many extensions', async () => {
    issue('full', 'full');
    const certificate = decodeCertificate(first('full.pem', 'CERTIFICATE'));
    const { extensions } = certificate;
    expect(nameToString(certificate.subject)).toBe(
      `${Oid.emailAddress}=a@example,CN=orders+UID=42,OU=a/b,O=Grüße\\, Söhne,C=DE`,
    );
    expect(attributeValues(certificate.subject, Oid.organizationalUnitName)).toEqual(['a/b']);
    expect(certificate.serialNumber).toBe('ab12');
    expect(extensions.keyUsage).toEqual(
      new Set([KeyUsage.digitalSignature, KeyUsage.keyAgreement, KeyUsage.decipherOnly]),
    );
    expect(extensions.extendedKeyUsage).toEqual([Oid.clientAuth, '2.999.5']);
    expect(extensions.basicConstraints).toEqual({ cA: false, pathLenConstraint: undefined });
    expect(extensions.subjectAltName?.map(generalNameToString)).toEqual([
      'DNS:a.example',
      'DNS:*.b.example',
      'IP:10.1.2.3',
      'IP:2001:db8::1',
      'URI:spiffe://example/a',
      'email:a@example',
      'RID:2.999.1',
      'otherName:1.3.6.1.4.1.311.20.2.3',
      'DirName:CN=dir,O=Inside',
    ]);
    expect(extensions.issuerAltName).toEqual([{ kind: 'dns', value: 'issuer.example' }]);
    expect(extensions.certificatePolicies).toEqual(['2.999.1', '2.999.2']);
    expect(extensions.authorityInfoAccess).toEqual([
      { accessMethod: Oid.ocsp, accessLocation: { kind: 'uri', value: 'http://ocsp.example/' } },
      { accessMethod: Oid.caIssuers, accessLocation: { kind: 'uri', value: 'http://ca.example/a.cer' } },
    ]);
    expect(extensions.crlDistributionPoints).toMatchObject([
      {
        distributionPoint: { fullName: [{ kind: 'uri', value: 'http://crl.example/a.crl' }] },
        reasons: new Set([1, 2]),
        crlIssuer: [{ kind: 'directory' }],
      },
    ]);
    expect(extensions.all.has(Oid.tlsFeature)).toBe(true);
    expect(
      verifySignature(certificate.signatureAlgorithm, certificate.publicKey, certificate.tbs, certificate.signature),
    ).toBe(true);
    expect(await secondOpinion(certificate)).toEqual([]);
  });

  test('a CA certificate and its CRL', async () => {
    issue('ca', 'root');
    const ca = decodeCertificate(first('ca.pem', 'CERTIFICATE'));
    expect(ca.extensions).toMatchObject({
      basicConstraints: { cA: true, pathLenConstraint: 2 },
      policyConstraints: { requireExplicitPolicy: 0, inhibitPolicyMapping: 3 },
      inhibitAnyPolicy: 1,
      nameConstraints: {
        permittedSubtrees: [
          { kind: 'dns', value: 'example' },
          { kind: 'ip', value: Buffer.of(10, 0, 0, 0, 255, 0, 0, 0) },
        ],
        excludedSubtrees: [{ kind: 'email', value: '.bad.example' }],
      },
    });
    const revoked = [
      ['260101000000Z,keyCompromise', '0A'],
      ['260102000000Z', '7FFF'],
      ['260103000000Z,superseded', '80'],
      ['260104000000Z,holdInstruction,holdInstructionReject', 'FF00'],
    ];
    save(
      'index.txt',
      revoked.map(([date, serial]) => `R\t300101000000Z\t${date ?? ''}\t${serial ?? ''}\tunknown\t/CN=x\n`).join(''),
    );
    save('crlnumber', '0100\n');
    openssl(
      'ca',
      '-gencrl',
      '-config',
      save('openssl.cnf', config),
      '-keyfile',
      'ca.key',
      '-cert',
      'ca.pem',
      '-out',
      'ca.crl',
    );
    const list = decodeCertificateList(first('ca.crl', 'X509 CRL'));
    expect(list.extensions.crlNumber).toBe(256n);
    expect(list.extensions.authorityKeyIdentifier?.keyIdentifier).toEqual(ca.extensions.subjectKeyIdentifier);
    expect(
      Array.from(list.revokedCertificates(), ({ serialNumber, reason, revocationDate }) => [
        serialNumber,
        reason,
        revocationDate.toISOString().slice(0, 10),
      ]),
    ).toEqual([
      ['0a', 1, '2026-01-01'],
      ['80', 4, '2026-01-03'],
      ['7fff', undefined, '2026-01-02'],
      ['ff00', 6, '2026-01-04'],
    ]);
    expect(verifySignature(list.signatureAlgorithm, ca.publicKey, list.tbs, list.signature)).toBe(true);
    expect(await secondOpinionOnList(list)).toEqual([]);
  });

  test('a request', async () => {
    openssl('genpkey', ...(newKeys[type] ?? []), '-out', 'request.key');
    openssl(
      'req',
      '-new',
      '-key',
      'request.key',
      '-utf8',
      '-subj',
      dn,
      '-config',
      save('openssl.cnf', config),
      '-reqexts',
      'full',
      '-out',
      'request.pem',
    );
    const request = decodeCertificationRequest(first('request.pem', 'CERTIFICATE REQUEST'));
    expect(request.extensions.subjectAltName).toHaveLength(9);
    expect(attributeValues(request.subject, Oid.userId)).toEqual(['42']);
    expect(await secondOpinionOnRequest(request)).toEqual([]);
  });
});
