import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { context, write } from '../der/index.js';
import { TestCa } from '../testing/index.js';
import { encodeExtensions } from './extension.js';
import {
  CrlReason,
  CrlRefusedError,
  encodeExtensionOf,
  encodePem,
  encodeSigned,
  indexCrl,
  KeyUsage,
  Oid,
  signingSchemeFor,
  signOctets,
  type Extension,
} from './index.js';

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

const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const seconds = (count: number): Date => new Date(now.getTime() + count * 1000);
const { crlNumber, deltaCrlIndicator } = encodeExtensionOf;
const scope = (...parts: Uint8Array[]) => ({
  oid: Oid.issuingDistributionPoint,
  critical: true,
  value: write.sequence(...parts),
});
const flag = (bit: number): Uint8Array => write.element(context(bit), Uint8Array.of(0xff));
const unknown = (critical: boolean) => ({ oid: '1.2.3.4', critical, value: write.nullElement() });

function entry(serialNumber: number, extension?: Extension): Uint8Array {
  const extensions = extension ? [encodeExtensions([extension])] : [];
  return write.sequence(write.integer(serialNumber), write.time(seconds(-60)), ...extensions);
}
const released = { oid: Oid.reasonCode, critical: false, value: Buffer.of(0x0a, 1, CrlReason.removeFromCRL) };
const certificateIssuer = {
  oid: Oid.certificateIssuer,
  critical: true,
  value: write.sequence(write.explicit(4, signing.certificate.subject.der)),
};

interface Fields {
  readonly extensions?: readonly Extension[];
  readonly entries?: readonly Uint8Array[];
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date | undefined;
  readonly ca?: TestCa;
}

function indexOf(fields: Fields) {
  const { extensions = [crlNumber(2n)], entries = [], thisUpdate = now, ca = signing } = fields;
  const { algorithm } = signingSchemeFor(ca.key);
  const tbs = write.sequence(
    write.integer(1),
    algorithm.der,
    ca.certificate.subject.der,
    write.time(thisUpdate),
    ...('nextUpdate' in fields ? (fields.nextUpdate ? [write.time(fields.nextUpdate)] : []) : [write.time(now)]),
    ...(entries.length > 0 ? [write.sequence(...entries)] : []),
    write.explicit(0, encodeExtensions(extensions)),
  );
  const list = encodeSigned(tbs, algorithm, signOctets(tbs, ca.key).signature);
  return indexCrl(list, { issuers: [signing.certificate], now, seed: 1 });
}

const delta = [crlNumber(2n), deltaCrlIndicator(1n)];
test.each<[string, Fields]>([
  ['from thisUpdate to nextUpdate, both included', {}],
  ['with an extension that is unknown and not critical', { extensions: [crlNumber(2n), unknown(false)] }],
  ['without a number', { extensions: [scope(flag(1))] }],
  ['of users', { extensions: [crlNumber(2n), scope(flag(1))] }],
  ['of authorities', { extensions: [crlNumber(2n), scope(flag(2))] }],
  ['with such an extension of an entry', { entries: [entry(1, unknown(false))] }],
  ['with a critical reason', { entries: [entry(1, { ...released, critical: true, value: Buffer.of(0x0a, 1, 1) })] }],
  ['that names a number twice', { entries: [entry(1), entry(1)] }],
  ['that is a delta', { extensions: delta, entries: [entry(1), entry(2, released)] }],
])('a list %s is used', async (_, fields) => {
  expect((await indexOf(fields)).issuer).toBe(signing.certificate);
});

test.each<[string, Fields, string]>([
  ['by another CA', { ca: TestCa.root({ commonName: 'Other' }) }, 'not among the trusted CAs'],
  ['by another key', { ca: TestCa.root() }, 'not by its issuer'],
  ['with an unknown critical extension', { extensions: [unknown(true)] }, 'critical extension 1.2.3.4'],
  ['that is indirect', { extensions: [scope(flag(4))] }, 'indirect'],
  ['for some reasons', { extensions: [scope(write.namedBits([1], context(3)))] }, 'some reasons'],
  ['for nothing (RFC 5280 §5.2.5)', { extensions: [scope()] }, 'issuingDistributionPoint is empty'],
  ['for attribute certificates', { extensions: [scope(flag(5))] }, 'attribute certificates'],
  ['that is a delta without a number', { extensions: [deltaCrlIndicator(1n)] }, 'number is missing'],
  ['that is a delta of its own number', { extensions: [crlNumber(1n), deltaCrlIndicator(1n)] }, 'not above'],
  ['without nextUpdate', { nextUpdate: undefined }, 'does not say when'],
  ['from the future', { thisUpdate: seconds(1), nextUpdate: seconds(2) }, 'from the future'],
  ['that is stale', { thisUpdate: seconds(-2), nextUpdate: seconds(-1) }, 'stale'],
  ['with an unknown critical extension of an entry', { entries: [entry(1), entry(2, unknown(true))] }, '1.2.3.4'],
  ['with an entry for another issuer', { entries: [entry(1), entry(2, certificateIssuer)] }, 'another issuer'],
  ['that is complete and takes something away', { entries: [entry(1, released)] }, 'removeFromCRL'],
  ['that is a delta and names a number twice', { extensions: delta, entries: [entry(1), entry(1)] }, 'twice'],
])('a list %s is refused', async (_, fields, why) => {
  const refused = indexOf(fields);
  await expect(refused).rejects.toThrow(CrlRefusedError);
  await expect(refused).rejects.toThrow(why);
});

test('of PEM exactly one list is read', async () => {
  const read = (...lists: readonly Uint8Array[]) => {
    const pem = Buffer.from(lists.map((list) => encodePem('X509 CRL', list)).join(''));
    return indexCrl(pem, { issuers: [signing.certificate], now: new Date(), seed: 1 });
  };
  expect((await read(signing.crl([]))).issuer).toBe(signing.certificate);
  await expect(read(signing.crl([]), signing.crl([]))).rejects.toThrow('exactly one CRL');
});
