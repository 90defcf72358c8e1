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

it('finds what stands in a list, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 60 }),
      fc.array(serial, { maxLength: 20 }),
      fc.nat(),
      (entries, others, seed) => {
        // A negative number, as some CA once made it, and one with a long form of length around it.
        const negative = write.sequence(Uint8Array.of(2, 1, 0xfe), write.time(new Date(0)));
        const list = listOf([...entries, negative]);
        const index = new RevocationIndex(list, seed);
        while (!index.step(7));
        const known = new Map<string, unknown>();
        for (const each of list.revokedCertificates())
          if (!known.has(each.serialNumber) || isFinal(each)) known.set(each.serialNumber, each);
        expect(index.size).toBe(known.size);
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

it('takes as an entry what the strict reader takes, octet by octet, and reads the same', () => {
  const read = (octets: Uint8Array) => {
    try {
      const reader = new DerReader(octets);
      return { entry: decodeRevokedCertificate(reader, 2), end: reader.offset };
    } catch {
      return undefined;
    }
  };
  const scan = (octets: Uint8Array) => {
    try {
      const scanner = new RevokedCertificateScanner(octets, octets, 2);
      scanner.next();
      const { entry, serialNumber, reason } = scanner;
      return { entry, serialNumber, reason };
    } catch {
      return undefined;
    }
  };
  fc.assert(
    fc.property(entry, fc.nat(), fc.nat(255), fc.boolean(), (octets, at, value, isChanged) => {
      const changed = Uint8Array.from(octets);
      if (isChanged) changed[at % changed.length] = value;
      const strict = read(changed);
      // Alone in its octets: what is left behind an entry is the next one's.
      if (strict && strict.end !== changed.length) return;
      expect(scan(changed)).toEqual(
        strict && {
          entry: strict.entry,
          serialNumber: strict.entry.serialNumber,
          reason: strict.entry.reason ?? -1,
        },
      );
    }),
    { numRuns: 4000 },
  );
});
