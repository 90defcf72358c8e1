import { isDeepStrictEqual } from 'node:util';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { write } from '../der/index.js';
import { TestCa } from '../testing/index.js';
import { decodeCertificateList, type CertificateList } from './certificate-list.js';
import { encodeExtensionOf, encodeRevokedCertificate, encodeSigned, encodeTbsCertList, signOctets } from './encode.js';
import { signingSchemeFor } from './signature.js';
import { RevocationIndex } from './revocation-index.js';
import { decodeRevokedCertificate, isFinal } from './revoked-certificate.js';
import { RevokedCertificateScanner } from './revoked-certificate-scanner.js';
import { DerReader } from '../der/index.js';

const ca = TestCa.root();

function listOf(entries: readonly Uint8Array[]): CertificateList {
  const tbs = encodeTbsCertList({
    signatureAlgorithm: signingSchemeFor(ca.key).algorithm,
    issuer: ca.certificate.subject,
    thisUpdate: new Date(0),
    nextUpdate: new Date(1000),
    revokedCertificates: entries,
    extensions: [encodeExtensionOf.crlNumber(1n)],
  });
  const { algorithm, signature } = signOctets(tbs, ca.key);
  return decodeCertificateList(encodeSigned(tbs, algorithm, signature));
}

const serial = fc.uint8Array({ minLength: 1, maxLength: 20 }).filter((octets) => octets.some((octet) => octet > 0));
const few = fc.constantFrom(1, 2, 3).map((octet) => Uint8Array.of(octet));
const entry = fc
  .record({
    // Some stand in a list several times.
    serialNumber: fc.oneof(serial, few),
    revocationDate: fc.date({ min: new Date('1990-01-01'), max: new Date('2060-01-01'), noInvalidDate: true }),
    reason: fc.constantFrom(0, 1, 3, 4, 6),
    invalidityDate: fc.option(fc.constant(new Date('2020-02-29')), { nil: undefined, freq: 4 }),
  })
  .map(encodeRevokedCertificate);

// A negative number, as some CA once made it, and two with a long form of length around them.
const unusual = [0, 130, 300].map((octets, i) => {
  const more = write.sequence(write.sequence(write.oid('1.2.3.4'), write.octetString(Buffer.alloc(octets))));
  return write.sequence(Uint8Array.of(2, 1, 0xfe - i), write.time(new Date(0)), ...(octets > 0 ? [more] : []));
});

it('finds what stands in a list, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 60 }),
      fc.array(serial, { maxLength: 20 }),
      fc.nat(),
      (entries, others, seed) => {
        const all = [...entries, ...unusual];
        const list = listOf(all);
        const index = new RevocationIndex(list, seed);
        while (!index.step(7));
        const known = new Map<string, unknown>();
        for (const each of list.revokedCertificates())
          if (!known.has(each.serialNumber) || isFinal(each)) known.set(each.serialNumber, each);
        expect(index.size).toBe(known.size);
        expect(index.table.tags.length).toBe(Math.ceil(all.length * 1.8) + 1);
        for (const [number, each] of known) {
          expect(index.find(number)).toEqual(each);
          expect(index.has(number)).toBe(true);
        }
        for (const other of others) {
          const number = Buffer.from(other).toString('hex');
          if (!known.has(number)) expect(index.find(number)).toBeUndefined();
        }
        for (const odd of ['', 'zz', '-03', '00', 'a', 'f'.repeat(400)]) expect(index.has(odd)).toBe(known.has(odd));
      },
    ),
  );
});

// What tells rules apart when it stands in another octet's place: the ends of numbers, digits and what stands beside them, tags, lengths.
const TELLING = Buffer.from('00010203060708090a0b0c0d0e0f1013141517182f3031323334353637383940597f8081ff', 'hex');

it('takes as an entry what the strict reader takes, octet by octet, and reads the same', () => {
  const read = (octets: Uint8Array, version: 1 | 2) => {
    try {
      const reader = new DerReader(octets);
      const strict = decodeRevokedCertificate(reader, version);
      // Alone in its octets: what is left behind an entry is the next one's.
      return reader.done ? strict : 'followed';
    } catch {
      return undefined;
    }
  };
  const scan = (octets: Uint8Array, version: 1 | 2) => {
    const scanner = new RevokedCertificateScanner(octets, octets, version);
    try {
      scanner.next();
    } catch {
      return undefined;
    }
    // The strict reader is behind `entry`: it does not throw where the step to it did not.
    const { entry, serialNumber, reason } = scanner;
    return { entry, serialNumber, reason };
  };
  const compare = (octets: Uint8Array, version: 1 | 2 = 2): void => {
    const strict = read(octets, version);
    if (strict === 'followed') return;
    const expected = strict && { entry: strict, serialNumber: strict.serialNumber, reason: strict.reason ?? -1 };
    const scanned = scan(octets, version);
    // The matcher takes most of the time, and says why.
    if (!isDeepStrictEqual(scanned, expected)) expect(scanned).toEqual(expected);
  };
  fc.assert(
    fc.property(entry, (octets) => compare(octets)),
    { numRuns: 300 },
  );
  const serials = [Uint8Array.of(1), Uint8Array.of(0x80), Buffer.alloc(20, 0xff), Buffer.alloc(20, 0x7f)];
  const dates = ['1999-12-31T23:59:59Z', '2009-10-19T19:09:09Z', '2024-02-28T00:00:00Z', '2030-09-30T10:50:50Z'];
  for (const [i, serialNumber] of serials.entries())
    for (const reason of [0, [1, 4, 6, 10][i]!]) {
      const octets = encodeRevokedCertificate({ serialNumber, revocationDate: new Date(dates[i]!), reason });
      compare(octets, 1);
      for (let at = 0; at < octets.length; at++)
        for (const value of TELLING) {
          const changed = Uint8Array.from(octets);
          changed[at] = value;
          compare(changed);
        }
    }
});
