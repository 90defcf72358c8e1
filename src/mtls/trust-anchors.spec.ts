import { expect, test } from '@jest/globals';
import { TestCa } from '../testing/index.js';
import { algorithmIdentifier, decodeCertificate, Oid } from '../x509/index.js';
import { readTrustAnchors } from './trust-anchors.js';

const root = TestCa.root();
const issuing = root.intermediate();
// Of the same name as the CA that signed it: self-issued, and not self-signed (RFC 5280 §3.2).
const renewed = issuing.intermediate();

test('in a bundle the self-signed certificates are anchors, and the others stand between', () => {
  const bundle = [root, issuing, renewed].map(({ certificatePem }) => certificatePem).join('');
  expect(readTrustAnchors(bundle)).toEqual({
    anchors: [root.certificate],
    intermediates: [issuing.certificate, renewed.certificate],
  });
});

test('without a self-signed one there is no anchor', () => {
  expect(() => readTrustAnchors(issuing.certificatePem + renewed.certificatePem)).toThrow(RangeError);
});

test('one that names itself, by an algorithm that is not verified, is taken for self-signed: an old root', () => {
  const der = Buffer.from(root.certificate.der);
  const [sha256, sha224] = [Oid.ecdsaWithSha256, '1.2.840.10045.4.3.1'].map((oid) => algorithmIdentifier(oid).der);
  for (let at = der.indexOf(sha256!); at >= 0; at = der.indexOf(sha256!)) der.set(sha224!, at);
  expect(readTrustAnchors(der).anchors).toEqual([decodeCertificate(der)]);
});
