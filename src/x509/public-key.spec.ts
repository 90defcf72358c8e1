import { describe, expect, test } from '@jest/globals';
import { createPublicKey, generateKeyPairSync, hash } from 'node:crypto';
import { DecodeError, DerReader, write } from '../der/index.js';
import { Oid } from './oids.js';
import {
  decodeSubjectPublicKeyInfo,
  subjectPublicKeyInfoOf,
  UnusableKeyError,
  type KeyParameters,
} from './public-key.js';

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const spki = (oid: string, parameters: Uint8Array | undefined, key: Uint8Array): Uint8Array =>
  write.sequence(write.sequence(write.oid(oid), ...(parameters ? [parameters] : [])), write.bitString(key));
const decode = (der: Uint8Array) => decodeSubjectPublicKeyInfo(new DerReader(der), 'key');

test.each<
  [
    string,
    () => {
      publicKey: Parameters<typeof subjectPublicKeyInfoOf>[0];
      privateKey: Parameters<typeof subjectPublicKeyInfoOf>[0];
    },
    KeyParameters,
  ]
>([
  ['P-256', () => ec('P-256'), { type: 'ec', curve: 'P-256' }],
  ['P-384', () => ec('P-384'), { type: 'ec', curve: 'P-384' }],
  ['P-521', () => ec('P-521'), { type: 'ec', curve: 'P-521' }],
  ['Ed25519', () => generateKeyPairSync('ed25519'), { type: 'ed25519' }],
  ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 1024 }), { type: 'rsa', bits: 1024, exponent: 65537n }],
  [
    'RSA of an odd size',
    () => generateKeyPairSync('rsa', { modulusLength: 1031 }),
    { type: 'rsa', bits: 1031, exponent: 65537n },
  ],
  [
    'RSA-PSS',
    () => generateKeyPairSync('rsa-pss', { modulusLength: 1024 }),
    { type: 'rsa', bits: 1024, exponent: 65537n },
  ],
])('%s', (_, generate, parameters) => {
  const { publicKey, privateKey } = generate();
  const info = subjectPublicKeyInfoOf(publicKey);
  expect(info.parameters).toEqual(parameters);
  expect(info.keyObject.equals(publicKey)).toBe(true);
  expect(info.keyObject).toBe(info.keyObject);
  expect(subjectPublicKeyInfoOf(privateKey).der).toEqual(info.der);
  expect(Buffer.from(info.keyIdentifier).toString('hex')).toBe(hash('sha1', info.key));
});

test('RSA has NULL for parameters', () => {
  const { key } = subjectPublicKeyInfoOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);
  expect(decode(spki(Oid.rsaEncryption, write.nullElement(), key)).parameters).toMatchObject({ bits: 1024 });
  for (const parameters of [undefined, write.integer(0)])
    expect(() => decode(spki(Oid.rsaEncryption, parameters, key))).toThrow('RSA without NULL');
});

test('a compressed point is the same key', () => {
  const { publicKey } = ec('P-256');
  const { key, algorithm } = subjectPublicKeyInfoOf(publicKey);
  const compressed = Buffer.from([2 + ((key[64] ?? 0) & 1), ...key.subarray(1, 33)]);
  const info = decode(spki(Oid.ecPublicKey, algorithm.parameters, compressed));
  expect(info.parameters).toEqual({ type: 'ec', curve: 'P-256' });
  expect(info.keyObject.equals(publicKey)).toBe(true);
});

describe('keys of other kinds are read, and not used', () => {
  test.each([
    ['Ed448', () => subjectPublicKeyInfoOf(generateKeyPairSync('ed448').publicKey)],
    ['secp256k1', () => subjectPublicKeyInfoOf(ec('secp256k1').publicKey)],
    ['an unknown algorithm', () => decode(spki('2.999', undefined, Buffer.of(1)))],
    ['explicit curve parameters', () => decode(spki(Oid.ecPublicKey, write.sequence(), Buffer.of(4)))],
    ['no curve at all', () => decode(spki(Oid.ecPublicKey, undefined, Buffer.of(4)))],
  ])('%s', (_, make) => {
    const info = make();
    expect(info.parameters.type).toBe('other');
    expect(() => info.keyObject).toThrow(UnusableKeyError);
  });

  test('a point that is not on its curve', () => {
    const info = decode(spki(Oid.ecPublicKey, write.oid(Oid.p256), Buffer.concat([Buffer.of(4), Buffer.alloc(64, 5)])));
    expect(info.parameters).toEqual({ type: 'ec', curve: 'P-256' });
    expect(() => info.keyObject).toThrow(UnusableKeyError);
    expect(() => createPublicKey({ key: Buffer.from(info.der), format: 'der', type: 'spki' })).toThrow();
  });
});

test('an RSA key whose modulus is even is read, and not used', () => {
  const { key } = subjectPublicKeyInfoOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);
  // The exponent 65537 takes the last five octets.
  const even = key.with(key.length - 6, (key.at(-6) ?? 0) & 0xfe);
  const info = decode(spki(Oid.rsaEncryption, write.nullElement(), even));
  expect(info.parameters).toEqual({ type: 'rsa', bits: 1024, exponent: 65537n });
  expect(() => info.keyObject).toThrow(UnusableKeyError);
});

describe('refused', () => {
  const rsa = (...parts: Uint8Array[]) => spki(Oid.rsaEncryption, write.nullElement(), write.sequence(...parts));
  const point = (first: number, length: number) =>
    spki(Oid.ecPublicKey, write.oid(Oid.p256), Buffer.concat([Buffer.of(first), Buffer.alloc(length)]));
  test.each([
    ['a point of the wrong length', point(4, 63), 23],
    ['a compressed point of the wrong length', point(2, 64), 23],
    ['a hybrid point', point(6, 64), 23],
    ['the point at infinity', point(0, 0), 23],
    ['Ed25519 with parameters', spki(Oid.ed25519, write.nullElement(), Buffer.alloc(32)), 11],
    ['Ed25519 of 31 octets', spki(Oid.ed25519, undefined, Buffer.alloc(31)), 9],
    ['RSA with a negative modulus', rsa(write.element(2, Buffer.of(0x80)), write.integer(3)), 17],
    ['RSA with a negative exponent', rsa(write.integer(3), write.element(2, Buffer.of(0x80))), 17],
    ['RSA without an exponent', rsa(write.integer(3)), 25],
    ['RSA with a third number', rsa(write.integer(3), write.integer(3), write.integer(3)), 28],
    ['a padded curve identifier', spki(Oid.ecPublicKey, Buffer.from('06028001', 'hex'), Buffer.of(4)), 13],
    [
      'a key that is not whole octets',
      write.sequence(write.sequence(write.oid('2.999')), write.bitString(Buffer.of(0), 4)),
      8,
    ],
  ])('%s', (_, der, offset) => {
    let refused: unknown;
    try {
      decode(der);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(DecodeError);
    expect(refused).toMatchObject({ offset });
  });

  test('sizes at the edge are told right', () => {
    const bits = (magnitude: number[]) =>
      decode(rsa(write.integer(Uint8Array.from(magnitude)), write.integer(3))).parameters;
    expect(bits([0])).toEqual({ type: 'rsa', bits: 0, exponent: 3n });
    expect(bits([1])).toEqual({ type: 'rsa', bits: 1, exponent: 3n });
    expect(bits([0x80, 0])).toEqual({ type: 'rsa', bits: 16, exponent: 3n });
    const exponentOf = (exponent: bigint) => decode(rsa(write.integer(5), write.integer(exponent))).parameters;
    const most = (1n << 64n) - 1n;
    expect(exponentOf(most)).toEqual({ type: 'rsa', bits: 3, exponent: most });
    for (const larger of [most + 2n, 1n << 80n])
      expect(exponentOf(larger)).toEqual({ type: 'rsa', bits: 3, exponent: 0n });
  });
});
