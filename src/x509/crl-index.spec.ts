import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { TestCa } from '../testing/index.js';
import { CrlRefusedError, encodeExtensionOf, indexCrl, KeyUsage, Oid } from './index.js';

const keyPair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const signing = TestCa.root({ keyPair });
const { certificate: notSigning } = TestCa.root({
  keyPair,
  extensions: [encodeExtensionOf.keyUsage([KeyUsage.keyCertSign])],
});
const index = (...issuers: Parameters<typeof indexCrl>[1]['issuers']) =>
  indexCrl(signing.crl([]), { issuers, now: new Date(), seed: 1 });

test('a CA that has a second certificate of the same key, which may not sign lists, still signs them by the first', async () => {
  expect((await index(notSigning, signing.certificate)).issuer).toBe(signing.certificate);
  expect((await index(signing.certificate, notSigning)).issuer).toBe(signing.certificate);
});

test('a list is refused when no certificate of its CA may sign lists (RFC 5280 §6.3.3 (f))', async () => {
  const refused = index(notSigning);
  await expect(refused).rejects.toThrow(CrlRefusedError);
  await expect(refused).rejects.toThrow('may not sign CRLs');
});

test('a list is refused when its issuingDistributionPoint is empty (RFC 5280 §5.2.5)', async () => {
  const scope = { oid: Oid.issuingDistributionPoint, critical: true, value: Buffer.of(0x30, 0) };
  const list = signing.crl([], { extensions: [encodeExtensionOf.crlNumber(1n), scope] });
  const refused = indexCrl(list, { issuers: [signing.certificate], now: new Date(), seed: 1 });
  await expect(refused).rejects.toThrow('issuingDistributionPoint is empty');
});
