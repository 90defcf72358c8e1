import { expect, test } from '@jest/globals';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { algorithmIdentifier } from './algorithm.js';
import {
  encodeExtensionOf,
  encodeRevokedCertificate,
  encodeSigned,
  encodeTbsCertificate,
  encodeTbsCertList,
  signOctets,
} from './encode.js';
import { nameFrom } from './name.js';
import { Oid } from './oids.js';
import { subjectPublicKeyInfoOf } from './public-key.js';

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const notBefore = new Date('2026-01-02T03:04:05.678Z');
const notAfter = new Date('2050-01-02T03:04:05Z');
const signatureAlgorithm = algorithmIdentifier(Oid.ed25519);
const issuer = nameFrom({ commonName: 'a' });

test('golden DER: a tbsCertificate, field by field', () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'AQ'.padEnd(43, 'A') };
  const publicKey = subjectPublicKeyInfoOf(createPublicKey({ key: jwk, format: 'jwk' }));
  const tbs = {
    serialNumber: Buffer.of(0x80),
    signatureAlgorithm,
    issuer,
    notBefore,
    notAfter,
    subject: issuer,
    publicKey,
  };
  const head =
    'a003020102' +
    '02020080' +
    '300506032b6570' +
    '300c310a300806035504030c0161' +
    '3020170d3236303130323033303430355a180f32303530303130323033303430355a' +
    '300c310a300806035504030c0161' +
    `302a300506032b657003210001${'00'.repeat(31)}`;
  expect(hex(encodeTbsCertificate({ ...tbs, extensions: [] }))).toBe(`307a${head}`);
  const extension = { oid: '2.999', critical: true, value: Buffer.of(5, 0) };
  expect(hex(encodeTbsCertificate({ ...tbs, extensions: [extension] }))).toBe(
    `30818b${head}a30f300d300b060288370101ff04020500`,
  );
});

test('golden DER: a tbsCertList and its entries', () => {
  const entries = [0, 1].map((reason) =>
    encodeRevokedCertificate({ serialNumber: Buffer.of(0, 5), revocationDate: notBefore, reason }),
  );
  const [plain, keyCompromise] = entries.map(hex);
  expect(plain).toBe('3012020105170d3236303130323033303430355a');
  expect(keyCompromise).toBe('3020020105170d3236303130323033303430355a300c300a0603551d1504030a0101');
  const list = {
    signatureAlgorithm,
    issuer,
    thisUpdate: notBefore,
    nextUpdate: notAfter,
    revokedCertificates: entries,
    extensions: [],
  };
  expect(hex(encodeTbsCertList(list))).toBe(
    '3070' +
      '020101' +
      '300506032b6570' +
      '300c310a300806035504030c0161' +
      '170d3236303130323033303430355a' +
      '180f32303530303130323033303430355a' +
      `3036${plain ?? ''}${keyCompromise ?? ''}`,
  );
});

test('golden DER: what is signed, the algorithm, the signature', () => {
  expect(hex(encodeSigned(Buffer.of(5, 0), signatureAlgorithm, Buffer.of(1, 2)))).toBe(
    '300e0500300506032b65700303000102',
  );
});

test('a key that has no algorithm here signs nothing', () => {
  expect(() => signOctets(Buffer.of(1), generateKeyPairSync('x25519').privateKey)).toThrow(RangeError);
});

test('golden DER: the extensions stand as they always did', () => {
  const golden = Object.entries({
    basicConstraints: encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: 0 }),
    keyUsage: encodeExtensionOf.keyUsage([5, 6]),
    extendedKeyUsage: encodeExtensionOf.extendedKeyUsage([Oid.serverAuth, Oid.clientAuth]),
    subjectAltName: encodeExtensionOf.subjectAltName([
      { kind: 'dns', value: 'localhost' },
      { kind: 'ip', value: Buffer.of(127, 0, 0, 1) },
    ]),
    authorityKeyIdentifier: encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.of(1, 2) }),
    crlDistributionPoints: encodeExtensionOf.crlDistributionPoints(['http://x/']),
    authorityInfoAccess: encodeExtensionOf.authorityInfoAccess([
      { accessMethod: Oid.ocsp, accessLocation: { kind: 'uri', value: 'http://x/' } },
    ]),
    nameConstraints: encodeExtensionOf.nameConstraints({
      permittedSubtrees: [{ kind: 'dns', value: 'x' }],
      excludedSubtrees: [],
    }),
    certificatePolicies: encodeExtensionOf.certificatePolicies(['2.999']),
    crlNumber: encodeExtensionOf.crlNumber(128n),
  }).map(([name, { value }]) => [name, Buffer.from(value).toString('hex')]);
  expect(Object.fromEntries(golden)).toEqual({
    basicConstraints: '30060101ff020100',
    keyUsage: '03020106',
    extendedKeyUsage: '301406082b0601050507030106082b06010505070302',
    subjectAltName: '301182096c6f63616c686f737487047f000001',
    authorityKeyIdentifier: '300480020102',
    crlDistributionPoints: '3011300fa00da00b8609687474703a2f2f782f',
    authorityInfoAccess: '3017301506082b060105050730018609687474703a2f2f782f',
    nameConstraints: '3007a0053003820178',
    certificatePolicies: '3006300406028837',
    crlNumber: '02020080',
  });
});
