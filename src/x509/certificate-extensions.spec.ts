import { describe, expect, test } from '@jest/globals';
import { context, contextConstructed, DecodeError, DerReader, write } from '../der/index.js';
import { TestCa } from '../testing/index.js';
import { decodeCertificateExtensions, KeyUsage, type CertificateExtensions } from './certificate-extensions.js';
import { decodeIssuingDistributionPoint } from './distribution-point.js';
import { encodeExtensionOf } from './encode.js';
import { decodeExtensions, encodeExtensions, type Extension } from './extension.js';
import { encodeGeneralName, type GeneralName } from './general-name.js';
import { nameFrom } from './name.js';
import { Oid, oidName } from './oids.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const { sequence, integer, oid, boolean, octetString } = write;

function decode(...extensions: readonly Extension[]): CertificateExtensions {
  const reader = new DerReader(encodeExtensions(extensions));
  return decodeCertificateExtensions(decodeExtensions(reader, 'extensions'), reader);
}
const decodeOne = (id: string, value: Uint8Array): CertificateExtensions => decode({ oid: id, critical: false, value });
const uri = (value: string): GeneralName => ({ kind: 'uri', value });
const dns = (value: string): GeneralName => ({ kind: 'dns', value });

describe('what is written is read back', () => {
  test('everything that has an encoder', () => {
    const names = [dns('a.example'), uri('https://a.example/')];
    const constraints = {
      permittedSubtrees: [dns('example'), { kind: 'ip', value: Buffer.of(10, 0, 0, 0, 255, 0, 0, 0) }],
      excludedSubtrees: [{ kind: 'email', value: '.example' }],
    } as const;
    const access = [{ accessMethod: Oid.ocsp, accessLocation: uri('http://ocsp.example/') }];
    const read = decode(
      encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.of(1, 2) }),
      encodeExtensionOf.subjectKeyIdentifier(Buffer.of(3, 4)),
      encodeExtensionOf.keyUsage([KeyUsage.digitalSignature, KeyUsage.decipherOnly]),
      encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: 0 }),
      encodeExtensionOf.extendedKeyUsage([Oid.clientAuth, Oid.anyExtendedKeyUsage]),
      encodeExtensionOf.subjectAltName(names, true),
      encodeExtensionOf.nameConstraints(constraints),
      encodeExtensionOf.certificatePolicies([Oid.anyPolicy, '2.999']),
      encodeExtensionOf.crlDistributionPoints(['http://crl.example/a', 'http://crl.example/b']),
      encodeExtensionOf.authorityInfoAccess(access),
    );
    expect(read).toMatchObject({
      authorityKeyIdentifier: { keyIdentifier: Buffer.of(1, 2), authorityCertIssuer: undefined },
      subjectKeyIdentifier: Buffer.of(3, 4),
      keyUsage: new Set([0, 8]),
      basicConstraints: { cA: true, pathLenConstraint: 0 },
      extendedKeyUsage: [Oid.clientAuth, Oid.anyExtendedKeyUsage],
      subjectAltName: names,
      nameConstraints: constraints,
      certificatePolicies: [Oid.anyPolicy, '2.999'],
      authorityInfoAccess: access,
      issuerAltName: undefined,
      freshestCrl: undefined,
    });
    expect(read.crlDistributionPoints?.map(({ distributionPoint }) => distributionPoint)).toEqual([
      { fullName: [uri('http://crl.example/a')] },
      { fullName: [uri('http://crl.example/b')] },
    ]);
    expect(Array.from(read.all.values(), ({ oid: id, critical }) => [oidName(id), critical])).toEqual([
      ['authorityKeyIdentifier', false],
      ['subjectKeyIdentifier', false],
      ['keyUsage', true],
      ['basicConstraints', true],
      ['extendedKeyUsage', false],
      ['subjectAltName', true],
      ['nameConstraints', true],
      ['certificatePolicies', false],
      ['crlDistributionPoints', false],
      ['authorityInfoAccess', false],
    ]);
  });

  test('the parts that may be absent', () => {
    expect(
      decode(encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: undefined })).authorityKeyIdentifier,
    ).toEqual({
      keyIdentifier: undefined,
      authorityCertIssuer: undefined,
      authorityCertSerialNumber: undefined,
    });
    expect(
      decode(encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: undefined })).basicConstraints,
    ).toEqual({
      cA: false,
      pathLenConstraint: undefined,
    });
    const only = { permittedSubtrees: [], excludedSubtrees: [dns('example')] };
    expect(decode(encodeExtensionOf.nameConstraints(only)).nameConstraints).toEqual(only);
  });
});

test('what has no encoder here', () => {
  const issuer = nameFrom({ commonName: 'x' });
  const aki = sequence(
    octetString(Buffer.of(1), context(0)),
    write.element(contextConstructed(1), encodeGeneralName({ kind: 'directory', value: issuer })),
    integer(5, context(2)),
  );
  expect(decodeOne(Oid.authorityKeyIdentifier, aki).authorityKeyIdentifier).toMatchObject({
    authorityCertIssuer: [{ kind: 'directory' }],
    authorityCertSerialNumber: Buffer.of(5),
  });
  expect(decodeOne(Oid.policyMappings, sequence(sequence(oid('2.999.1'), oid('2.999.2')))).policyMappings).toEqual([
    { issuerDomainPolicy: '2.999.1', subjectDomainPolicy: '2.999.2' },
  ]);
  expect(
    decodeOne(Oid.policyConstraints, sequence(integer(0, context(0)), integer(3, context(1)))).policyConstraints,
  ).toEqual({
    requireExplicitPolicy: 0,
    inhibitPolicyMapping: 3,
  });
  expect(decodeOne(Oid.inhibitAnyPolicy, integer(2)).inhibitAnyPolicy).toBe(2);
  expect(decodeOne(Oid.issuerAltName, sequence(encodeGeneralName(dns('a')))).issuerAltName).toEqual([dns('a')]);
  const qualified = sequence(
    sequence(oid('2.999'), sequence(sequence(oid('1.3.6.1.5.5.7.2.1'), write.ia5String('http://x/')))),
  );
  expect(decodeOne(Oid.certificatePolicies, qualified).certificatePolicies).toEqual(['2.999']);
});

test('distribution points with reasons, an issuer and a relative name', () => {
  const relative = write.element(contextConstructed(1), sequence(oid(Oid.commonName), write.utf8String('crl1')));
  const issuer = write.element(
    contextConstructed(2),
    encodeGeneralName({ kind: 'directory', value: nameFrom({ commonName: 'x' }) }),
  );
  const point = sequence(write.explicit(0, relative), write.namedBits([1, 2], context(1)), issuer);
  const [read] = decodeOne(Oid.freshestCrl, sequence(point)).freshestCrl ?? [];
  expect(read).toMatchObject({
    distributionPoint: { nameRelativeToCrlIssuer: [{ type: Oid.commonName, value: 'crl1' }] },
    reasons: new Set([1, 2]),
    crlIssuer: [{ kind: 'directory' }],
  });
});

describe('IssuingDistributionPoint', () => {
  const idp = (...parts: readonly Uint8Array[]) => decodeIssuingDistributionPoint(new DerReader(sequence(...parts)));
  test('its flags', () => {
    const nothing = {
      distributionPoint: undefined,
      onlyContainsUserCerts: false,
      onlyContainsCaCerts: false,
      onlySomeReasons: undefined,
      indirectCrl: false,
      onlyContainsAttributeCerts: false,
    };
    expect(idp()).toEqual(nothing);
    expect(idp(hex('8101ff'))).toEqual({ ...nothing, onlyContainsUserCerts: true });
    expect(idp(hex('8201ff'))).toEqual({ ...nothing, onlyContainsCaCerts: true });
    expect(idp(write.namedBits([1], context(3)), hex('8401ff'))).toEqual({
      ...nothing,
      onlySomeReasons: new Set([1]),
      indirectCrl: true,
    });
    expect(idp(hex('8501ff'))).toEqual({ ...nothing, onlyContainsAttributeCerts: true });
  });

  test('out of order, or with a default written out', () => {
    expect(() => idp(hex('8201ff'), hex('8101ff'))).toThrow(DecodeError);
    expect(() => idp(hex('810100'))).toThrow('default');
  });
});

describe('refused', () => {
  const many = (count: number, item: (i: number) => Uint8Array): Uint8Array =>
    sequence(...Array.from({ length: count }, (_, i) => item(i)));
  const point = (contents: Uint8Array): Uint8Array => sequence(sequence(contents));
  const names = write.element(contextConstructed(0), encodeGeneralName(uri('http://x/')));
  const fullName = write.explicit(0, names);
  test.each([
    ['keyUsage without a bit', Oid.keyUsage, hex('030100'), 'sets no bit'],
    ['keyUsage of a thousand bits', Oid.keyUsage, write.bitString(Buffer.alloc(125, 0xff)), '32 bits'],
    ['cA FALSE written out', Oid.basicConstraints, sequence(boolean(false)), 'default'],
    ['a negative pathLenConstraint', Oid.basicConstraints, sequence(boolean(true), hex('0201ff')), 'negative'],
    [
      'something behind pathLenConstraint',
      Oid.basicConstraints,
      sequence(boolean(true), integer(1), integer(1)),
      'trailing',
    ],
    [
      'something behind the value',
      Oid.basicConstraints,
      Buffer.concat([sequence(), hex('0500')]),
      'trailing octets in basicConstraints',
    ],
    ['no policies', Oid.certificatePolicies, sequence(), 'empty'],
    ['a policy twice', Oid.certificatePolicies, many(2, () => sequence(oid('2.999'))), 'twice'],
    ['257 policies', Oid.certificatePolicies, many(257, (i) => sequence(oid(`2.999.${i}`))), 'more than 256'],
    [
      'qualifiers that are no DER',
      Oid.certificatePolicies,
      sequence(sequence(oid('2.999'), hex('3080'))),
      'indefinite',
    ],
    [
      'qualifiers that are no SEQUENCE',
      Oid.certificatePolicies,
      sequence(sequence(oid('2.999'), hex('0500'))),
      'trailing',
    ],
    ['no usages', Oid.extendedKeyUsage, sequence(), 'empty'],
    ['65 usages', Oid.extendedKeyUsage, many(65, (i) => oid(`2.999.${i}`)), 'more than 64'],
    ['no names', Oid.subjectAltName, sequence(), 'empty'],
    ['no mappings', Oid.policyMappings, sequence(), 'empty'],
    ['no descriptions', Oid.authorityInfoAccess, sequence(), 'empty'],
    ['empty policyConstraints', Oid.policyConstraints, sequence(), 'empty'],
    ['empty nameConstraints', Oid.nameConstraints, sequence(), 'empty'],
    ['empty permittedSubtrees', Oid.nameConstraints, sequence(write.explicit(0)), 'permittedSubtrees is empty'],
    [
      'a subtree with a minimum',
      Oid.nameConstraints,
      sequence(write.explicit(0, sequence(encodeGeneralName(dns('a')), hex('800101')))),
      'trailing',
    ],
    [
      'a constrained address without a mask',
      Oid.nameConstraints,
      sequence(write.explicit(0, sequence(hex('87040a000001')))),
      '4 octets',
    ],
    [
      '4097 subtrees',
      Oid.nameConstraints,
      sequence(write.explicit(1, Buffer.concat(Array<Uint8Array>(4097).fill(sequence(encodeGeneralName(dns('a'))))))),
      'more than 4096',
    ],
    ['an alternative address with a mask', Oid.subjectAltName, sequence(hex('87080a00000100000000')), '8 octets'],
    ['no distribution points', Oid.crlDistributionPoints, sequence(), 'empty'],
    ['65 distribution points', Oid.crlDistributionPoints, many(65, () => sequence(fullName)), 'more than 64'],
    [
      'a point of reasons alone',
      Oid.crlDistributionPoints,
      point(write.namedBits([1], context(1))),
      'neither a point nor an issuer',
    ],
    [
      'a point with two names',
      Oid.crlDistributionPoints,
      point(write.explicit(0, names, names)),
      'trailing octets in distributionPointName',
    ],
    ['a key identifier that is no OCTET STRING', Oid.subjectKeyIdentifier, integer(1), 'where 0x04 belongs'],
  ])('%s', (_, id, value, problem) => {
    expect(() => decodeOne(id, value)).toThrow(DecodeError);
    expect(() => decodeOne(id, value)).toThrow(problem);
  });

  test.each([
    ['none', sequence(), 'empty'],
    ['one twice', many(2, () => sequence(oid('2.999'), octetString(hex('0500')))), 'stands twice'],
    ['65', many(65, (i) => sequence(oid(`2.999.${i}`), octetString(hex('0500')))), 'more than 64'],
    [
      'critical FALSE written out',
      sequence(sequence(oid('2.999'), boolean(false), octetString(hex('0500')))),
      'default',
    ],
    ['a value that is no OCTET STRING', sequence(sequence(oid('2.999'), hex('0500'))), 'where 0x04 belongs'],
    ['something behind the value', sequence(sequence(oid('2.999'), octetString(hex('0500')), hex('0500'))), 'trailing'],
  ])('extensions: %s', (_, der, problem) => {
    expect(() => decodeExtensions(new DerReader(der), 'extensions')).toThrow(DecodeError);
    expect(() => decodeExtensions(new DerReader(der), 'extensions')).toThrow(problem);
  });

  test('with the offset in the certificate', () => {
    const bad: Extension = { oid: Oid.keyUsage, critical: true, value: hex('03020680') };
    const good = TestCa.root().certificate.extensions.all;
    const der = encodeExtensions([
      ...good.values(),
      { ...bad, oid: '2.999' },
      { oid: Oid.issuerAltName, critical: false, value: hex('3000') },
    ]);
    const reader = new DerReader(der);
    expect(() => decodeCertificateExtensions(decodeExtensions(reader, 'x'), reader)).toThrow(
      `issuerAltName is empty, at octet ${der.length - 2}`,
    );
  });
});

test('an extension that is not known here is kept as it stands', () => {
  const value = hex('ffff');
  expect(decode({ oid: '2.999', critical: true, value }).all.get('2.999')).toEqual({
    oid: '2.999',
    critical: true,
    value,
  });
  expect(oidName('2.999')).toBe('2.999');
});
