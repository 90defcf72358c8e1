import { describe, expect, test } from '@jest/globals';
import { hash, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { context, DecodeError, write } from '../der/index.js';
import { TestCa } from '../testing/index.js';
import { computingTime } from '../../test/support/computing-time.js';
import { replaceElement } from '../../test/support/mutate.js';
import { decodeCertificate, MAX_CERTIFICATE_OCTETS, type Certificate } from './certificate.js';
import { encodeSigned, encodeTbsCertificate, signOctets } from './encode.js';
import { nameFrom, sameName } from './name.js';
import { Oid } from './oids.js';
import { octetsFromPemOrDer } from './pem.js';
import { verifySignature } from './signature.js';

const root = TestCa.root();
const issued = root.issue({ commonName: 'orders', names: [{ kind: 'dns', value: 'localhost' }] });
const { certificate } = issued;
const x509 = new X509Certificate(certificate.der);

/** `certificate` with one element replaced; the signature does not fit any more, which reading does not mind. */
const edited = (element: Uint8Array, replacement: Uint8Array): Uint8Array =>
  replaceElement(certificate.der, element, replacement);
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

function refusal(octets: Uint8Array): DecodeError {
  try {
    decodeCertificate(octets);
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  throw new Error('the certificate was read');
}

/** A certificate of `parts`, the elements of its tbsCertificate. */
function certificateOf(...parts: readonly Uint8Array[]): Uint8Array {
  const tbs = write.sequence(...parts);
  const { algorithm, signature } = signOctets(tbs, root.key);
  return encodeSigned(tbs, algorithm, signature);
}

const minimal = [
  write.integer(5),
  certificate.signatureAlgorithm.der,
  root.certificate.subject.der,
  write.sequence(write.time(certificate.notBefore), write.time(certificate.notAfter)),
  certificate.subject.der,
  certificate.publicKey.der,
] as const;
const uniqueId = write.bitString(Buffer.of(1), 0, context(1));
const version = (number: number): Uint8Array => write.explicit(0, write.integer(number));

test('every field, as node:crypto reads it', () => {
  expect(certificate.version).toBe(3);
  expect(certificate.serialNumber).toBe(x509.serialNumber.toLowerCase());
  expect(certificate.notBefore).toEqual(x509.validFromDate);
  expect(certificate.notAfter).toEqual(x509.validToDate);
  expect(certificate.fingerprint256).toBe(x509.fingerprint256.replaceAll(':', '').toLowerCase());
  expect(certificate.fingerprint256).toBe(hash('sha256', certificate.der));
  expect(certificate.publicKey.keyObject.equals(x509.publicKey)).toBe(true);
  expect(certificate.extensions.extendedKeyUsage).toEqual(x509.keyUsage);
  expect(sameName(certificate.issuer, root.certificate.subject)).toBe(true);
  expect(certificate.subject.rdns.flat().map(({ value }) => value)).toEqual(['VERITAS Framework', 'orders']);
  expect(
    verifySignature(certificate.signatureAlgorithm, root.certificate.publicKey, certificate.tbs, certificate.signature),
  ).toBe(true);
});

test("every root certificate of the platform's list is strict DER and verifies", () => {
  const roots = rootCertificates.flatMap((pem) => octetsFromPemOrDer(pem, 'CERTIFICATE')).map(decodeCertificate);
  expect(roots.length).toBeGreaterThan(100);
  for (const { signatureAlgorithm, publicKey, tbs, signature, subject, issuer } of roots) {
    expect(sameName(subject, issuer)).toBe(true);
    expect(publicKey.keyObject.type).toBe('public');
    if (signatureAlgorithm.oid !== Oid.sha1WithRsaEncryption)
      expect(verifySignature(signatureAlgorithm, publicKey, tbs, signature)).toBe(true);
  }
});

describe('serial numbers', () => {
  const serial = (element: string): string =>
    decodeCertificate(edited(write.integer(hex(certificate.serialNumber)), hex(element))).serialNumber;
  test.each([
    ['020100', '00'],
    ['02017f', '7f'],
    ['02020080', '80'],
    ['02020100', '0100'],
    ['0201ff', '-01'],
    ['020180', '-80'],
    ['0202ff7f', '-81'],
    [`0214${'7f'.repeat(20)}`, '7f'.repeat(20)],
    [`021500${'ff'.repeat(20)}`, 'ff'.repeat(20)],
  ])('%s', (element, text) => {
    expect(serial(element)).toBe(text);
  });

  test.each([`0215${'7f'.repeat(21)}`, `0215${'80'.repeat(21)}`, `0282ffff${'7f'.repeat(0xffff)}`])(
    'more than 20 octets are refused',
    (element) => {
      expect(() => serial(element)).toThrow(DecodeError);
    },
  );
});

describe('versions', () => {
  test('1, 2 and 3', () => {
    expect(decodeCertificate(certificateOf(...minimal)).version).toBe(1);
    const withId = decodeCertificate(certificateOf(version(1), ...minimal, uniqueId));
    expect([withId.version, withId.hasUniqueIdentifier, certificate.hasUniqueIdentifier]).toEqual([2, true, false]);
    expect(decodeCertificate(certificateOf(version(2), ...minimal)).extensions.all.size).toBe(0);
  });

  const extensions = write.explicit(
    3,
    write.sequence(write.sequence(write.oid('2.999'), write.octetString(Buffer.of(5, 0)))),
  );
  test.each([
    ['the default written out', [version(0), ...minimal], 'version is not 2 or 3'],
    ['4', [version(3), ...minimal], 'version is not 2 or 3'],
    ['two versions', [write.explicit(0, write.integer(2), write.integer(2)), ...minimal], 'trailing octets in version'],
    ['a unique identifier in version 1', [...minimal, uniqueId], 'unique identifier'],
    ['extensions in version 1', [...minimal, extensions], 'extensions in a certificate before version 3'],
    ['extensions in version 2', [version(1), ...minimal, extensions], 'extensions in a certificate before version 3'],
    [
      'something behind the extensions',
      [version(2), ...minimal, extensions, write.nullElement()],
      'trailing octets in tbsCertificate',
    ],
    [
      'a third part in the validity',
      [
        version(2),
        ...minimal.slice(0, 3),
        write.sequence(write.time(new Date()), write.time(new Date()), write.nullElement()),
        ...minimal.slice(4),
      ],
      'trailing octets in validity',
    ],
  ] as const)('%s is refused', (_, parts, problem) => {
    expect(refusal(certificateOf(...parts)).problem).toContain(problem);
  });
});

describe('refused', () => {
  test('more than 64 KiB, unseen', () => {
    expect(refusal(new Uint8Array(MAX_CERTIFICATE_OCTETS + 1))).toMatchObject({ offset: 0 });
    expect(refusal(new Uint8Array(MAX_CERTIFICATE_OCTETS + 1)).problem).toContain('over the limit');
  });

  test('octets behind the end', () => {
    expect(refusal(Buffer.concat([certificate.der, Buffer.of(0)]))).toMatchObject({ offset: certificate.der.length });
  });

  test('nothing, and every truncation', () => {
    for (let length = 0; length < certificate.der.length; length++)
      expect(refusal(certificate.der.subarray(0, length)).offset).toBeLessThanOrEqual(length);
  });

  test('two different signature algorithms', () => {
    const other = TestCa.root({ keyType: 'P-384' }).certificate.signatureAlgorithm.der;
    const tbs = write.sequence(version(2), ...minimal);
    const octets = write.sequence(tbs, other, write.bitString(Buffer.alloc(70)));
    expect(refusal(octets)).toMatchObject({ problem: 'the two signature algorithms differ', offset: 4 + tbs.length });
  });

  test('a signature of half an octet', () => {
    const signature = write.bitString(certificate.signature);
    const odd = Buffer.from(certificate.signature);
    odd[odd.length - 1] = (odd[odd.length - 1] ?? 0) & 0xf0;
    expect(refusal(edited(signature, write.bitString(odd, 4))).problem).toContain('whole octets');
  });

  test('PEM where DER belongs', () => {
    expect(refusal(Buffer.from(issued.certificatePem)).offset).toBe(0);
  });

  test('sixty thousand octets of open sequences, soon', () => {
    const took = computingTime(() => {
      expect(refusal(Buffer.alloc(60_000, '3080', 'hex')).problem).toContain('indefinite');
    });
    expect(took).toBeLessThan(200);
  });
});

test('the dates of either form', () => {
  const dated = (notBefore: Date, notAfter: Date): Certificate => TestCa.root({ notBefore, notAfter }).certificate;
  const early = dated(new Date('1949-12-31T23:59:59Z'), new Date('1950-01-01T00:00:00Z'));
  expect([early.notBefore.toISOString(), early.notAfter.toISOString()]).toEqual([
    '1949-12-31T23:59:59.000Z',
    '1950-01-01T00:00:00.000Z',
  ]);
  const late = dated(new Date('2049-12-31T23:59:59Z'), new Date('2050-01-01T00:00:00Z'));
  expect([late.notBefore.toISOString(), late.notAfter.toISOString()]).toEqual([
    '2049-12-31T23:59:59.000Z',
    '2050-01-01T00:00:00.000Z',
  ]);
});

test('what is signed cannot be written outside its types', () => {
  const tbs = {
    serialNumber: Buffer.of(1),
    signatureAlgorithm: certificate.signatureAlgorithm,
    issuer: nameFrom({ commonName: 'x' }),
    notBefore: new Date(NaN),
    notAfter: new Date(),
    subject: nameFrom({ commonName: 'x' }),
    publicKey: certificate.publicKey,
    extensions: [],
  };
  expect(() => encodeTbsCertificate(tbs)).toThrow(RangeError);
  expect(encodeTbsCertificate({ ...tbs, notBefore: new Date() }).length).toBeGreaterThan(100);
});
