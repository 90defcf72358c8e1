import { describe, expect, test } from '@jest/globals';
import { context, contextConstructed, DecodeError, DerReader, Tag, write } from '../der/index.js';
import { TestCa } from '../testing/index.js';
import { decodeCertificateList, MAX_CRL_OCTETS, type CertificateList } from './certificate-list.js';
import { CrlReason } from './revoked-certificate.js';
import { encodeExtensionOf, encodeRevokedCertificate, encodeSigned, encodeTbsCertList, signOctets } from './encode.js';
import { encodeExtensions, type Extension } from './extension.js';
import { encodeGeneralName } from './general-name.js';
import { sameName } from './name.js';
import { Oid } from './oids.js';
import { verifySignature } from './signature.js';

const ca = TestCa.root();
const thisUpdate = new Date('2026-01-01T00:00:00Z');
const nextUpdate = new Date('2026-01-02T00:00:00Z');
const { algorithm } = signOctets(Buffer.alloc(1), ca.key);

function listOf(...parts: readonly Uint8Array[]): CertificateList {
  const tbs = write.sequence(...parts);
  return decodeCertificateList(encodeSigned(tbs, algorithm, signOctets(tbs, ca.key).signature));
}
const head = [
  write.integer(1),
  algorithm.der,
  ca.certificate.subject.der,
  write.time(thisUpdate),
  write.time(nextUpdate),
];
const extension = (oid: string, value: Uint8Array, critical = false): Extension => ({ oid, critical, value });
const withExtensions = (...extensions: readonly Extension[]): CertificateList =>
  listOf(...head, write.explicit(0, encodeExtensions(extensions)));
const entry = (serial: number, ...extensions: readonly Extension[]): Uint8Array =>
  write.sequence(
    write.integer(serial),
    write.time(thisUpdate),
    ...(extensions.length > 0 ? [encodeExtensions(extensions)] : []),
  );
const entriesOf = (...entries: readonly Uint8Array[]) => [
  ...listOf(...head, write.sequence(...entries)).revokedCertificates(),
];

test('numbers of 20 octets, whatever the first bit', () => {
  for (const number of [0n, (1n << 159n) - 1n, (1n << 160n) - 1n])
    expect(withExtensions(encodeExtensionOf.crlNumber(number)).extensions.crlNumber).toBe(number);
});

test('every field', () => {
  const certificates = [0, 1, 4].map((reason) => ({
    certificate: ca.issue().certificate,
    reason,
    revocationDate: thisUpdate,
  }));
  const list = decodeCertificateList(ca.crl(certificates, { thisUpdate, nextUpdate, number: 1n << 150n }));
  expect(list).toMatchObject({ version: 2, thisUpdate, nextUpdate });
  expect(sameName(list.issuer, ca.certificate.subject)).toBe(true);
  expect(list.extensions.crlNumber).toBe(1n << 150n);
  expect(list.extensions.authorityKeyIdentifier?.keyIdentifier).toEqual(ca.certificate.extensions.subjectKeyIdentifier);
  expect(list.extensions.deltaCrlIndicator).toBeUndefined();
  expect([...list.revokedCertificates()]).toEqual(
    certificates.map(({ certificate: { serialNumber }, reason }) => ({
      serialNumber,
      revocationDate: thisUpdate,
      // RFC 5280 §5.3.1: unspecified is said by saying nothing.
      reason: reason === CrlReason.unspecified ? undefined : reason,
      certificateIssuer: undefined,
      unknownCritical: [],
    })),
  );
  expect(verifySignature(list.signatureAlgorithm, ca.certificate.publicKey, list.tbs, list.signature)).toBe(true);
  expect(verifySignature(list.signatureAlgorithm, TestCa.root().certificate.publicKey, list.tbs, list.signature)).toBe(
    false,
  );
});

test('no entries, no extensions, no nextUpdate, version 1', () => {
  const empty = {
    signatureAlgorithm: algorithm,
    issuer: ca.certificate.subject,
    thisUpdate,
    nextUpdate,
    revokedCertificates: [],
    extensions: [],
  };
  const list = decodeCertificateList(encodeSigned(encodeTbsCertList(empty), algorithm, Buffer.alloc(8)));
  expect([...list.revokedCertificates()]).toEqual([]);
  expect(list.extensions.all.size).toBe(0);
  const first = listOf(...head.slice(1, 4), write.sequence(entry(5)));
  expect(first).toMatchObject({ version: 1, nextUpdate: undefined });
  expect(Array.from(first.revokedCertificates(), ({ serialNumber }) => serialNumber)).toEqual(['05']);
});

test('the entries can be walked again', () => {
  const list = listOf(...head, write.sequence(entry(1), entry(2)));
  expect([...list.revokedCertificates()]).toEqual([...list.revokedCertificates()]);
  expect([...list.revokedCertificates()]).toHaveLength(2);
});

test('delta, scope and where the freshest is', () => {
  const point = write.explicit(
    0,
    write.element(contextConstructed(0), encodeGeneralName({ kind: 'uri', value: 'http://x/' })),
  );
  const list = withExtensions(
    extension(Oid.deltaCrlIndicator, write.integer(7), true),
    extension(Oid.issuingDistributionPoint, write.sequence(point, Buffer.from('8201ff', 'hex')), true),
    extension(Oid.freshestCrl, write.sequence(write.sequence(point))),
  );
  expect(list.extensions).toMatchObject({
    deltaCrlIndicator: 7n,
    issuingDistributionPoint: { onlyContainsCaCerts: true, onlyContainsUserCerts: false },
    freshestCrl: [{ distributionPoint: { fullName: [{ kind: 'uri', value: 'http://x/' }] } }],
  });
});

test('what entries say', () => {
  const issuer = encodeGeneralName({ kind: 'directory', value: ca.certificate.subject });
  const [plain, full] = entriesOf(
    entry(1),
    entry(
      2,
      extension(Oid.reasonCode, write.integer(1, Tag.ENUMERATED)),
      extension(Oid.invalidityDate, write.generalizedTime(thisUpdate), true),
      extension(Oid.certificateIssuer, write.sequence(issuer), true),
      extension('2.999.1', write.nullElement(), true),
      extension('2.999.2', write.nullElement()),
    ),
  );
  expect(plain).toMatchObject({ reason: undefined, unknownCritical: [] });
  expect(full).toMatchObject({
    serialNumber: '02',
    reason: 1,
    certificateIssuer: [{ kind: 'directory' }],
    unknownCritical: ['2.999.1'],
  });
});

test('a hundred and fifty thousand entries are written, and read without keeping them', () => {
  const count = 150_000;
  const revokedCertificates = Array.from({ length: count }, (_, i) =>
    encodeRevokedCertificate({
      serialNumber: Buffer.of(1, i >> 16, i >> 8, i),
      revocationDate: thisUpdate,
      reason: i % 2,
    }),
  );
  const tbs = encodeTbsCertList({
    signatureAlgorithm: algorithm,
    issuer: ca.certificate.subject,
    thisUpdate,
    nextUpdate,
    revokedCertificates,
    extensions: [encodeExtensionOf.crlNumber(1n)],
  });
  const list = decodeCertificateList(encodeSigned(tbs, algorithm, signOctets(tbs, ca.key).signature));
  let read = 0;
  let last = '';
  for (const { serialNumber } of list.revokedCertificates()) {
    read++;
    last = serialNumber;
  }
  expect([read, last]).toEqual([count, '010249ef']);
});

describe('refused', () => {
  const reason = (value: Uint8Array) => () => entriesOf(entry(1, extension(Oid.reasonCode, value)));
  const versionOne = head.slice(1);
  test.each<[string, () => unknown, string]>([
    ['version 1 written out', () => listOf(write.integer(0), ...versionOne), 'version is not 2'],
    ['version 3', () => listOf(write.integer(2), ...versionOne), 'version is not 2'],
    [
      'extensions in version 1',
      () => listOf(...versionOne, write.explicit(0, encodeExtensions([encodeExtensionOf.crlNumber(1n)]))),
      'version 1',
    ],
    [
      'entry extensions in version 1',
      () => [
        ...listOf(
          ...versionOne,
          write.sequence(entry(1, extension(Oid.reasonCode, write.integer(1, Tag.ENUMERATED)))),
        ).revokedCertificates(),
      ],
      'version 1',
    ],
    ['empty extensions', () => listOf(...head, write.explicit(0, write.sequence())), 'empty'],
    [
      'something behind the extensions',
      () =>
        listOf(...head, write.explicit(0, encodeExtensions([encodeExtensionOf.crlNumber(1n)]), write.nullElement())),
      'trailing',
    ],
    ['something behind everything', () => listOf(...head, write.nullElement()), 'trailing'],
    ['a negative number', () => withExtensions(extension(Oid.crlNumber, Buffer.of(2, 1, 0xff))), 'negative'],
    ['the least of one octet', () => withExtensions(extension(Oid.crlNumber, Buffer.of(2, 1, 0x80))), 'negative'],
    ['a number of 21 octets', () => withExtensions(extension(Oid.crlNumber, write.integer(1n << 160n))), '20 octets'],
    ['reason 7', reason(write.integer(7, Tag.ENUMERATED)), 'not assigned'],
    ['reason 11', reason(write.integer(11, Tag.ENUMERATED)), 'not assigned'],
    ['a reason that is an INTEGER', reason(write.integer(1)), 'where 0x0a belongs'],
    ['something behind a reason', reason(Buffer.from('0a01010500', 'hex')), 'trailing'],
    [
      'an entry of three parts',
      () =>
        entriesOf(
          write.sequence(
            write.integer(1),
            write.time(thisUpdate),
            encodeExtensions([extension('2.999', Buffer.of(5, 0))]),
            write.nullElement(),
          ),
        ),
      'trailing',
    ],
    ['an entry without a date', () => entriesOf(write.sequence(write.integer(1))), 'not a time'],
    [
      'a serial number of a megabyte',
      () => entriesOf(write.sequence(write.element(Tag.INTEGER, Buffer.alloc(1 << 20, 0xfe)), write.time(thisUpdate))),
      '20 octets',
    ],
    [
      'flags of a megabyte',
      () =>
        withExtensions(
          extension(
            Oid.issuingDistributionPoint,
            write.sequence(write.bitString(Buffer.alloc(1 << 20, 0xff), 0, context(3))),
          ),
        ),
      '32 bits',
    ],
  ])('%s', (_, run, problem) => {
    expect(run).toThrow(DecodeError);
    expect(run).toThrow(problem);
  });

  test('an entry in the middle, when it is reached', () => {
    const list = listOf(...head, write.sequence(entry(1), Buffer.from('3080', 'hex'), entry(2)));
    const entries = list.revokedCertificates();
    expect(entries.next().value?.serialNumber).toBe('01');
    expect(() => entries.next()).toThrow(DecodeError);
  });

  test('two algorithms, a cut end, octets behind', () => {
    const der = ca.crl();
    const other = TestCa.root({ keyType: 'P-384' });
    const tbs = write.sequence(...head);
    const { signature } = signOctets(tbs, other.key);
    expect(() => decodeCertificateList(encodeSigned(tbs, signOctets(tbs, other.key).algorithm, signature))).toThrow(
      'differ',
    );
    expect(() => decodeCertificateList(der.subarray(0, -1))).toThrow(DecodeError);
    expect(() => decodeCertificateList(Buffer.concat([der, Buffer.of(0)]))).toThrow(DecodeError);
  });

  test('more than 256 MiB, unseen', () => {
    // Only its length is looked at: nothing this large has to exist.
    const large = Object.create(Buffer.alloc(0), { length: { value: MAX_CRL_OCTETS + 1 } }) as Uint8Array;
    expect(() => decodeCertificateList(large)).toThrow('over the limit');
    expect(() => DerReader.bounded(Buffer.alloc(3), 2, 'CRL')).toThrow('over the limit');
  });
});
