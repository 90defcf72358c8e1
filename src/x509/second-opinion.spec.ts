import { describe, expect, test } from '@jest/globals';
import * as asn1js from 'asn1js';
import { randomBytes, sign, type KeyObject } from 'node:crypto';
import * as pkijs from 'pkijs';
import { write } from '../der/index.js';
import { generateTestKeyPair, TestCa, type TestKeyType } from '../testing/index.js';
import { decodeCertificate, type Certificate } from './certificate.js';
import { decodeCertificateList, type CertificateList } from './certificate-list.js';
import {
  decodeCertificationRequest,
  encodeCertificationRequestInfo,
  type CertificationRequest,
} from './certification-request.js';
import { encodeExtensionOf, encodeSigned, signOctets } from './encode.js';
import type { GeneralName } from './general-name.js';
import { encodeName, nameFrom, nameToString } from './name.js';
import { Oid } from './oids.js';
import { subjectPublicKeyInfoOf } from './public-key.js';
import { verifySignature } from './signature.js';
import { secondOpinion, secondOpinionOnList, secondOpinionOnRequest } from './second-opinion.js';

const subject = encodeName([
  [{ type: Oid.countryName, value: 'DE' }],
  [{ type: Oid.organizationName, value: 'Grüße, "Söhne" & Co' }],
  [
    { type: Oid.commonName, value: 'orders' },
    { type: Oid.userId, value: '42' },
  ],
]);
const everyName: readonly GeneralName[] = [
  { kind: 'dns', value: 'orders.example' },
  { kind: 'email', value: 'a@example' },
  { kind: 'uri', value: 'spiffe://example/orders' },
  { kind: 'ip', value: Uint8Array.of(127, 0, 0, 1) },
  { kind: 'ip', value: randomBytes(16) },
  { kind: 'directory', value: subject },
  { kind: 'registeredId', value: '2.999.5' },
  { kind: 'other', type: '1.3.6.1.4.1.311.20.2.3', value: write.utf8String('a@example') },
];
const keyTypes: readonly TestKeyType[] = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048', 'RSA-PSS-2048'];

function request(keyType: TestKeyType): CertificationRequest {
  const { publicKey, privateKey } = generateTestKeyPair(keyType);
  const info = encodeCertificationRequestInfo({
    subject,
    publicKey: subjectPublicKeyInfoOf(publicKey),
    extensions: [encodeExtensionOf.subjectAltName(everyName)],
  });
  const { algorithm, signature } = signOctets(info, privateKey);
  return decodeCertificationRequest(encodeSigned(info, algorithm, signature));
}

describe('pkijs reads what we write', () => {
  test.each(keyTypes)('certificates, CRLs and requests of %s', async (keyType) => {
    const root = TestCa.root({ keyType });
    const { certificate } = root.intermediate({ keyType, pathLenConstraint: 0 }).issue({ subject, names: everyName });
    expect(await secondOpinion(root.certificate)).toEqual([]);
    expect(await secondOpinion(certificate)).toEqual([]);
    const revoked = [1, 0, 4].map((reason) => ({ certificate: root.issue().certificate, reason }));
    expect(await secondOpinionOnList(decodeCertificateList(root.crl(revoked)))).toEqual([]);
    expect(await secondOpinionOnList(decodeCertificateList(root.crl()))).toEqual([]);
    expect(await secondOpinionOnRequest(request(keyType))).toEqual([]);
  });

  test('serial numbers and dates at their edges', async () => {
    for (const serialNumber of [Buffer.of(0), Buffer.of(0x80), Buffer.alloc(20, 0xff)])
      for (const notAfter of [
        '1949-12-31T23:59:59Z',
        '2049-12-31T23:59:59Z',
        '2050-01-01T00:00:00Z',
        '9999-12-31T23:59:59Z',
      ])
        expect(await secondOpinion(TestCa.root({ serialNumber, notAfter: new Date(notAfter) }).certificate)).toEqual(
          [],
        );
  });
});

describe('a disagreement is named', () => {
  const { certificate } = TestCa.root().issue({ names: everyName });
  const list = decodeCertificateList(TestCa.root().crl([{ certificate }]));
  const wanted = request('P-256');
  /** What was read, with another value in one field. */
  const claiming = <T extends object>(read: T, field: keyof T, value: unknown): T =>
    new Proxy(read, {
      get: (target, key) => {
        const own: unknown = key === field ? value : Reflect.get(target, key, target);
        return typeof own === 'function' ? (own.bind(target) as unknown) : own;
      },
    });

  test.each<[keyof Certificate, unknown, readonly string[]]>([
    ['serialNumber', '00', ['serialNumber']],
    ['version', 1, ['version']],
    ['notAfter', new Date(0), ['notAfter']],
    ['subject', nameFrom({ commonName: 'admin' }), ['subject', 'subject attributes']],
    ['publicKey', subjectPublicKeyInfoOf(generateTestKeyPair().publicKey), ['subjectPublicKeyInfo']],
    ['extensions', { ...certificate.extensions, subjectAltName: [] }, ['subjectAltName']],
    ['signature', Buffer.of(1), ['signature']],
  ])('on %s', async (field, value, fields) => {
    expect(await secondOpinion(claiming(certificate, field, value))).toEqual(fields);
  });

  test('on an extension', async () => {
    const all = new Map(certificate.extensions.all);
    all.delete(Oid.keyUsage);
    expect(await secondOpinion(claiming(certificate, 'extensions', { ...certificate.extensions, all }))).toEqual([
      'extensions',
      `extension ${Oid.keyUsage}`,
    ]);
  });

  test('on CRLs and requests', async () => {
    expect(await secondOpinionOnList(claiming(list, 'revokedCertificates', () => []))).toEqual(['entry 0']);
    expect(await secondOpinionOnList(claiming(list, 'nextUpdate', undefined))).toEqual(['nextUpdate']);
    expect(await secondOpinionOnRequest(claiming(wanted, 'attributes', []))).toEqual(['attributes']);
  });

  test('when pkijs cannot read it at all', async () => {
    expect(await secondOpinion(claiming(certificate, 'der', Buffer.of(5, 0)))).toEqual(['unreadable']);
    expect(await secondOpinionOnList(claiming(list, 'der', Buffer.of(5, 0)))).toEqual(['unreadable']);
    expect(await secondOpinionOnRequest(claiming(wanted, 'der', Buffer.of(5, 0)))).toEqual(['unreadable']);
  });
});

describe('we read what pkijs writes', () => {
  const keyPair = generateTestKeyPair();
  const octets = (object: { toSchema(encodeFlag?: boolean): { toBER(): ArrayBuffer } }): Uint8Array =>
    new Uint8Array(object.toSchema(true).toBER());
  const algorithm = () => new pkijs.AlgorithmIdentifier({ algorithmId: Oid.ecdsaWithSha256 });
  const spki = (key: KeyObject) =>
    pkijs.PublicKeyInfo.fromBER(Uint8Array.from(key.export({ format: 'der', type: 'spki' })));
  type Text = NonNullable<pkijs.AttributeTypeAndValueParameters['value']>;
  const name = (...values: readonly (readonly [type: string, value: Text])[]) =>
    new pkijs.RelativeDistinguishedNames({
      typesAndValues: values.map(([type, value]) => new pkijs.AttributeTypeAndValue({ type, value })),
    });
  const issuer = name(
    [Oid.countryName, new asn1js.PrintableString({ value: 'DE' })],
    [Oid.commonName, new asn1js.Utf8String({ value: 'Grüße' })],
  );
  const names = new pkijs.GeneralNames({
    names: [
      new pkijs.GeneralName({ type: 1, value: 'a@example' }),
      new pkijs.GeneralName({ type: 2, value: 'localhost' }),
      new pkijs.GeneralName({ type: 4, value: issuer }),
      new pkijs.GeneralName({ type: 6, value: 'spiffe://example/a' }),
      new pkijs.GeneralName({
        type: 7,
        value: new asn1js.OctetString({ valueHex: Uint8Array.of(127, 0, 0, 1).buffer }),
      }),
      new pkijs.GeneralName({ type: 8, value: '2.999' }),
    ],
  });
  const extension = (extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }) =>
    new pkijs.Extension({ extnID, critical, extnValue: value.toBER() });
  const time = (value: string) =>
    new pkijs.Time({
      type: value < '2050' ? pkijs.TimeType.UTCTime : pkijs.TimeType.GeneralizedTime,
      value: new Date(value),
    });

  /** Signs what pkijs's own engine is never asked to. */
  function signed(object: pkijs.Certificate | pkijs.CertificateRevocationList | pkijs.CertificationRequest): void {
    // It is protected in two of the three.
    const tbs = (object as unknown as { encodeTBS(): { toBER(): ArrayBuffer } }).encodeTBS().toBER();
    const signature = sign('sha256', new Uint8Array(tbs), keyPair.privateKey);
    object.signatureValue = new asn1js.BitString({ valueHex: Uint8Array.from(signature).buffer });
  }
  const verified = ({ signatureAlgorithm, tbs, signature }: Certificate | CertificateList): boolean =>
    verifySignature(signatureAlgorithm, subjectPublicKeyInfoOf(keyPair.publicKey), tbs, signature);

  test('a certificate', async () => {
    const written = new pkijs.Certificate({
      version: 2,
      serialNumber: new asn1js.Integer({ valueHex: Uint8Array.of(0x00, 0xa1, 2, 3).buffer }),
      signature: algorithm(),
      signatureAlgorithm: algorithm(),
      issuer,
      subject: name(
        [Oid.commonName, new asn1js.BmpString({ value: 'ordérs' })],
        [Oid.emailAddress, new asn1js.IA5String({ value: 'a@example' })],
      ),
      notBefore: time('2026-01-01T00:00:00.000Z'),
      notAfter: time('2051-01-01T00:00:00.000Z'),
      subjectPublicKeyInfo: spki(keyPair.publicKey),
      extensions: [
        extension(
          Oid.basicConstraints,
          true,
          new pkijs.BasicConstraints({ cA: true, pathLenConstraint: 3 }).toSchema(),
        ),
        extension(Oid.keyUsage, true, new asn1js.BitString({ valueHex: Uint8Array.of(6).buffer, unusedBits: 1 })),
        extension(Oid.subjectAltName, false, names.toSchema()),
        extension(
          Oid.extendedKeyUsage,
          false,
          new pkijs.ExtKeyUsage({ keyPurposes: [Oid.clientAuth, Oid.serverAuth] }).toSchema(),
        ),
        extension(
          Oid.certificatePolicies,
          false,
          new pkijs.CertificatePolicies({
            certificatePolicies: [new pkijs.PolicyInformation({ policyIdentifier: '2.999' })],
          }).toSchema(),
        ),
      ],
    });
    signed(written);
    const certificate = decodeCertificate(octets(written));
    expect(certificate).toMatchObject({
      version: 3,
      serialNumber: 'a10203',
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2051-01-01T00:00:00Z'),
      extensions: {
        basicConstraints: { cA: true, pathLenConstraint: 3 },
        keyUsage: new Set([5, 6]),
        extendedKeyUsage: [Oid.clientAuth, Oid.serverAuth],
        certificatePolicies: ['2.999'],
        subjectAltName: [
          { kind: 'email', value: 'a@example' },
          { kind: 'dns', value: 'localhost' },
          { kind: 'directory' },
          { kind: 'uri', value: 'spiffe://example/a' },
          { kind: 'ip', value: Buffer.of(127, 0, 0, 1) },
          { kind: 'registeredId', value: '2.999' },
        ],
      },
    });
    // pkijs writes all attributes into one RDN.
    expect(nameToString(certificate.issuer)).toBe('C=DE+CN=Grüße');
    expect(nameToString(certificate.subject)).toBe(`CN=ordérs+${Oid.emailAddress}=a@example`);
    expect(verified(certificate)).toBe(true);
    expect(await secondOpinion(certificate)).toEqual([]);
  });

  test('a CRL', async () => {
    const reason = new pkijs.Extensions({
      extensions: [extension(Oid.reasonCode, false, new asn1js.Enumerated({ value: 4 }))],
    });
    const written = new pkijs.CertificateRevocationList({
      version: 1,
      signature: algorithm(),
      signatureAlgorithm: algorithm(),
      issuer,
      thisUpdate: time('2026-01-01T00:00:00.000Z'),
      nextUpdate: time('2026-02-01T00:00:00.000Z'),
      revokedCertificates: [
        new pkijs.RevokedCertificate({
          userCertificate: new asn1js.Integer({ value: 5 }),
          revocationDate: time('2025-12-31T00:00:00.000Z'),
          crlEntryExtensions: reason,
        }),
        new pkijs.RevokedCertificate({
          userCertificate: new asn1js.Integer({ value: 300 }),
          revocationDate: time('2025-12-30T00:00:00.000Z'),
        }),
      ],
      crlExtensions: new pkijs.Extensions({
        extensions: [extension(Oid.crlNumber, false, new asn1js.Integer({ value: 9 }))],
      }),
    });
    signed(written);
    const list = decodeCertificateList(octets(written));
    expect(list).toMatchObject({
      version: 2,
      thisUpdate: new Date('2026-01-01'),
      nextUpdate: new Date('2026-02-01'),
      extensions: { crlNumber: 9n },
    });
    expect([...list.revokedCertificates()]).toMatchObject([
      { serialNumber: '05', reason: 4, revocationDate: new Date('2025-12-31') },
      { serialNumber: '012c', reason: undefined, revocationDate: new Date('2025-12-30') },
    ]);
    expect(verified(list)).toBe(true);
    expect(await secondOpinionOnList(list)).toEqual([]);
  });

  test('a certification request', async () => {
    const requested = new pkijs.Extensions({ extensions: [extension(Oid.subjectAltName, false, names.toSchema())] });
    const written = new pkijs.CertificationRequest({
      version: 0,
      subject: issuer,
      subjectPublicKeyInfo: spki(keyPair.publicKey),
      attributes: [new pkijs.Attribute({ type: Oid.extensionRequest, values: [requested.toSchema()] })],
      signatureAlgorithm: algorithm(),
    });
    signed(written);
    const read = decodeCertificationRequest(octets(written));
    expect(nameToString(read.subject)).toBe('C=DE+CN=Grüße');
    expect(read.extensions.subjectAltName).toHaveLength(6);
    expect(await secondOpinionOnRequest(read)).toEqual([]);
  });
});
