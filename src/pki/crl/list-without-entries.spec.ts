import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { write } from '../../der/index.js';
import { TestCa } from '../../testing/index.js';
import {
  decodeCertificateList,
  encodeExtensionOf,
  encodeRevokedCertificate,
  encodeSigned,
  encodeTbsCertList,
  signingSchemeFor,
  signOctets,
  type TbsCertList,
} from '../../x509/index.js';
import { listWithoutEntries } from './list-without-entries.js';

const ca = TestCa.root();
const folder = mkdtempSync(join(tmpdir(), 'veritas-list-'));
const path = join(folder, 'issuing.crl');
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const { algorithm } = signingSchemeFor(ca.key);
const entry = encodeRevokedCertificate({ serialNumber: Buffer.alloc(16, 1), revocationDate: new Date(0), reason: 1 });
const plain: TbsCertList = {
  signatureAlgorithm: algorithm,
  issuer: ca.certificate.subject,
  thisUpdate: new Date(0),
  nextUpdate: new Date('2050-01-01T00:00:00Z'),
  revokedCertificates: [],
  extensions: [encodeExtensionOf.crlNumber(1n << 150n)],
};
const signed = (tbs: Uint8Array): Uint8Array => encodeSigned(tbs, algorithm, signOctets(tbs, ca.key).signature);
const firstVersion = write.sequence(algorithm.der, ca.certificate.subject.der, write.time(new Date(0)));

test.each([
  ['without entries', encodeTbsCertList(plain)],
  ['with one entry', encodeTbsCertList({ ...plain, revokedCertificates: [entry] })],
  ['with entries of megabytes', encodeTbsCertList({ ...plain, revokedCertificates: Array(50_000).fill(entry) })],
  ['of version 1, without nextUpdate and extensions', firstVersion],
])('a list %s is the same, without its entries', (_, tbs) => {
  const octets = signed(tbs);
  writeFileSync(path, octets);
  const list = listWithoutEntries(path);
  const { version, issuer, thisUpdate, nextUpdate, extensions, signature } = decodeCertificateList(octets);
  expect([...list.revokedCertificates()]).toEqual([]);
  expect(list.issuer.key).toBe(issuer.key);
  expect(list).toMatchObject({ version, thisUpdate, nextUpdate });
  expect(list.extensions.crlNumber).toBe(extensions.crlNumber);
  expect(Buffer.from(list.signature)).toEqual(Buffer.from(signature));
});

test('what is no list is an error, and soon', () => {
  const octets = Buffer.from(signed(encodeTbsCertList({ ...plain, revokedCertificates: [entry] })));
  const change = fc.record({ at: fc.nat(octets.length - 1), to: fc.nat(255), length: fc.nat(octets.length) });
  fc.assert(
    fc.property(change, ({ at, to, length }) => {
      const changed = Buffer.from(octets.subarray(0, length));
      if (at < length) changed[at] = to;
      writeFileSync(path, changed);
      try {
        listWithoutEntries(path);
      } catch (error) {
        if (!['DecodeError', 'RangeError'].includes((error as Error).name)) throw error;
      }
    }),
  );
  for (const garbage of [Buffer.alloc(0), randomBytes(100_000), Buffer.from('3080'.repeat(50_000), 'hex')]) {
    writeFileSync(path, garbage);
    expect(() => listWithoutEntries(path)).toThrow();
  }
});
