import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { contextConstructed, DecodeError, write } from '../der/index.js';
import { generateTestKeyPair, type TestKeyType } from '../testing/index.js';
import { algorithmIdentifier } from './algorithm.js';
import {
  decodeCertificationRequest,
  encodeCertificationRequestInfo,
  MAX_REQUEST_OCTETS,
  ProofOfPossessionError,
} from './certification-request.js';
import { encodeExtensionOf, encodeSigned, signOctets } from './encode.js';
import { encodeExtensions } from './extension.js';
import { nameFrom, sameName } from './name.js';
import { Oid } from './oids.js';
import { subjectPublicKeyInfoOf } from './public-key.js';

const subject = nameFrom({ organization: 'X', commonName: 'orders' });
const names = [{ kind: 'dns', value: 'orders.example' }] as const;
const keyPair = generateTestKeyPair();
const publicKey = subjectPublicKeyInfoOf(keyPair.publicKey);

function signed(info: Uint8Array, key = keyPair.privateKey): Uint8Array {
  const { algorithm, signature } = signOctets(info, key);
  return encodeSigned(info, algorithm, signature);
}
const withAttributes = (...attributes: readonly Uint8Array[]): Uint8Array =>
  signed(
    write.sequence(write.integer(0), subject.der, publicKey.der, write.element(contextConstructed(0), ...attributes)),
  );
const attribute = (oid: string, ...values: readonly Uint8Array[]): Uint8Array =>
  write.sequence(write.oid(oid), write.element(0x31, ...values));
const requested = encodeExtensions([encodeExtensionOf.subjectAltName(names)]);

test.each<TestKeyType>(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048', 'RSA-PSS-2048'])(
  '%s proves possession',
  (type) => {
    const pair = generateTestKeyPair(type);
    const key = subjectPublicKeyInfoOf(pair.publicKey);
    const info = encodeCertificationRequestInfo({
      subject,
      publicKey: key,
      extensions: [encodeExtensionOf.subjectAltName(names)],
    });
    const request = decodeCertificationRequest(signed(info, pair.privateKey));
    expect(sameName(request.subject, subject)).toBe(true);
    expect(request.publicKey.keyObject.equals(pair.publicKey)).toBe(true);
    expect(request.extensions.subjectAltName).toEqual(names);
    expect(request.attributes).toEqual([Oid.extensionRequest]);
  },
);

test('without attributes, and with one that is not known here', () => {
  expect(decodeCertificationRequest(withAttributes())).toMatchObject({ attributes: [] });
  expect(
    decodeCertificationRequest(signed(encodeCertificationRequestInfo({ subject, publicKey, extensions: [] })))
      .extensions.all.size,
  ).toBe(0);
  const password = attribute(Oid.challengePassword, write.utf8String('x'));
  expect(
    decodeCertificationRequest(withAttributes(password, attribute(Oid.extensionRequest, requested))).attributes,
  ).toEqual([Oid.challengePassword, Oid.extensionRequest]);
});

describe('no proof of possession', () => {
  const der = Buffer.from(withAttributes(attribute(Oid.extensionRequest, requested)));
  const outcome = (octets: Uint8Array): string => {
    try {
      decodeCertificationRequest(octets);
      return 'accepted';
    } catch (error) {
      if (error instanceof ProofOfPossessionError) return error.code;
      if (error instanceof DecodeError) return error.code;
      throw error;
    }
  };

  test('any bit of it flipped: never accepted', () => {
    const seen = new Set<string>();
    for (let bit = 0; bit < der.length * 8; bit++) {
      const octets = Buffer.from(der);
      octets[bit >> 3] = (octets[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      seen.add(outcome(octets));
    }
    expect(outcome(der)).toBe('accepted');
    expect(seen).toEqual(new Set(['malformed', 'proof_of_possession_failed']));
  });

  test('a bit of the name, or of the signature', () => {
    const name = Buffer.from(der);
    const at = name.indexOf('orders');
    name[at] = (name[at] ?? 0) ^ 1;
    expect(outcome(name)).toBe('proof_of_possession_failed');
    const signature = Buffer.from(der);
    signature[der.length - 1] = (signature[der.length - 1] ?? 0) ^ 1;
    expect(outcome(signature)).toBe('proof_of_possession_failed');
  });

  test('by a key, or an algorithm, that is not verified here: the message says so, and not that the key is another', () => {
    const infoOf = (key: KeyObject): Uint8Array =>
      encodeCertificationRequestInfo({ subject, publicKey: subjectPublicKeyInfoOf(key), extensions: [] });
    const koblitz = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const ofKoblitz = infoOf(koblitz.publicKey);
    // What `openssl req` makes of an RSA-PSS key by itself: a salt as long as there is room for.
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
    const ofPss = infoOf(pss.publicKey);
    const hash = algorithmIdentifier(Oid.sha256, write.nullElement()).der;
    const mask = algorithmIdentifier(Oid.mgf1, hash).der;
    const parameters = [hash, mask, write.integer(222)].map((value, number) => write.explicit(number, value));
    for (const request of [
      encodeSigned(ofKoblitz, algorithmIdentifier(Oid.ecdsaWithSha256), sign('sha256', ofKoblitz, koblitz.privateKey)),
      encodeSigned(
        ofPss,
        algorithmIdentifier(Oid.rsassaPss, write.sequence(...parameters)),
        sign('sha256', ofPss, { key: pss.privateKey, saltLength: 222 }),
      ),
    ]) {
      expect(outcome(request)).toBe('proof_of_possession_failed');
      expect(() => decodeCertificationRequest(request)).toThrow(
        /^no signature is verified here that is of the algorithm/,
      );
    }
  });

  test("somebody else's key", () => {
    const info = encodeCertificationRequestInfo({ subject, publicKey, extensions: [] });
    expect(() => decodeCertificationRequest(signed(info, generateTestKeyPair().privateKey))).toThrow(
      ProofOfPossessionError,
    );
    expect(() => decodeCertificationRequest(signed(info, generateTestKeyPair('Ed25519').privateKey))).toThrow(
      ProofOfPossessionError,
    );
  });

  test('a key of a kind that is not supported', () => {
    const other = write.sequence(write.sequence(write.oid('2.999')), write.bitString(Buffer.of(1)));
    const info = write.sequence(write.integer(0), subject.der, other, write.element(contextConstructed(0)));
    expect(() => decodeCertificationRequest(signed(info))).toThrow(ProofOfPossessionError);
  });
});

describe('refused', () => {
  const extensionRequest = attribute(Oid.extensionRequest, requested);
  const unknown = (i: number): Uint8Array => attribute(`2.999.${i}`, write.nullElement());
  test.each<[string, Uint8Array, string]>([
    [
      'version 2',
      signed(write.sequence(write.integer(1), subject.der, publicKey.der, write.element(contextConstructed(0)))),
      'version is not 1',
    ],
    [
      'no attributes field',
      signed(write.sequence(write.integer(0), subject.der, publicKey.der)),
      'attributes is missing',
    ],
    [
      'something behind the attributes',
      signed(
        write.sequence(
          write.integer(0),
          subject.der,
          publicKey.der,
          write.element(contextConstructed(0)),
          write.nullElement(),
        ),
      ),
      'trailing',
    ],
    ['an attribute twice', withAttributes(extensionRequest, extensionRequest), 'repeat'],
    ['17 attributes', withAttributes(...Array.from({ length: 17 }, (_, i) => unknown(i))), 'too many'],
    ['attributes out of order', withAttributes(unknown(2), unknown(1)), 'not sorted'],
    ['an attribute without a value', withAttributes(attribute('2.999')), 'without a value'],
    ['an attribute whose value is no DER', withAttributes(attribute('2.999', Buffer.of(0x30, 0x80))), 'indefinite'],
    [
      'an attribute of three parts',
      withAttributes(write.sequence(write.oid('2.999'), write.setOf(write.nullElement()), write.nullElement())),
      'trailing',
    ],
    [
      'two extension lists',
      withAttributes(attribute(Oid.extensionRequest, requested, requested)),
      'trailing octets in extensionRequest',
    ],
    ['no extension list', withAttributes(attribute(Oid.extensionRequest)), 'missing'],
    ['an empty extension list', withAttributes(attribute(Oid.extensionRequest, write.sequence())), 'empty'],
    [
      'an empty alternative name',
      withAttributes(
        attribute(
          Oid.extensionRequest,
          encodeExtensions([{ oid: Oid.subjectAltName, critical: false, value: write.sequence() }]),
        ),
      ),
      'subjectAltName is empty',
    ],
    [
      'octets behind the end',
      Buffer.concat([withAttributes(), Buffer.of(0)]),
      'trailing octets in certification request',
    ],
    ['more than 64 KiB', new Uint8Array(MAX_REQUEST_OCTETS + 1), 'over the limit'],
  ])('%s', (_, der, problem) => {
    expect(() => decodeCertificationRequest(der)).toThrow(DecodeError);
    expect(() => decodeCertificationRequest(der)).toThrow(problem);
  });
});
