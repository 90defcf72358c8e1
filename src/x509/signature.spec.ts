import { createHook } from 'node:async_hooks';
import { describe, expect, test } from '@jest/globals';
import { constants, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { write } from '../der/index.js';
import { generateTestKeyPair, type TestKeyType } from '../testing/index.js';
import { algorithmIdentifier } from './algorithm.js';
import { signOctets } from './encode.js';
import { Oid } from './oids.js';
import { subjectPublicKeyInfoOf } from './public-key.js';
import {
  isSupportedSignatureAlgorithm,
  signAside,
  signingSchemeFor,
  verifySignature,
  verifySignatureAside,
} from './signature.js';

const data = Buffer.from('to be signed');
const NULL = write.nullElement();
const keys = Object.fromEntries(
  (['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048', 'RSA-PSS-2048'] as const).map((type) => [
    type,
    generateTestKeyPair(type),
  ]),
) as Record<Exclude<TestKeyType, 'RSA-1024'>, ReturnType<typeof generateTestKeyPair>>;
const spki = (type: keyof typeof keys) => subjectPublicKeyInfoOf(keys[type].publicKey);

describe.each([
  ['P-256', Oid.ecdsaWithSha256],
  ['P-384', Oid.ecdsaWithSha384],
  ['P-521', Oid.ecdsaWithSha512],
  ['Ed25519', Oid.ed25519],
  ['RSA-2048', Oid.sha256WithRsaEncryption],
  ['RSA-PSS-2048', Oid.rsassaPss],
] as const)('%s', (type, oid) => {
  const { algorithm, signature } = signOctets(data, keys[type].privateKey);

  test('signs and verifies', () => {
    expect(algorithm.oid).toBe(oid);
    expect(isSupportedSignatureAlgorithm(algorithm)).toBe(true);
    expect(verifySignature(algorithm, spki(type), data, signature)).toBe(true);
    expect(signingSchemeFor(keys[type].publicKey).algorithm).toEqual(algorithm);
  });

  // The first of a turn of the event loop goes another way than those behind it, and so does what is long.
  test.each([data, Buffer.alloc(100_000, 1)])('the same aside, several at once, number %#', async (octets) => {
    const scheme = signingSchemeFor(keys[type].privateKey);
    const signatures = await Promise.all([1, 2, 3].map(() => signAside(scheme, keys[type].privateKey, octets)));
    const verified = (wrong: number) =>
      Promise.all(
        signatures.map((each, i) =>
          verifySignatureAside(scheme.algorithm, spki(type), i === wrong ? Buffer.from('other') : octets, each),
        ),
      );
    expect(await verified(-1)).toEqual([true, true, true]);
    expect(await verified(0)).toEqual([false, true, true]);
    expect(await verified(2)).toEqual([true, true, false]);
    expect(await verifySignatureAside(scheme.algorithm, spki(type), octets, Buffer.alloc(0))).toBe(false);
  });

  test('other data, another signature, nothing', () => {
    const flipped = Buffer.from(signature);
    flipped[5] = (flipped[5] ?? 0) ^ 1;
    expect(verifySignature(algorithm, spki(type), Buffer.from('to be signet'), signature)).toBe(false);
    expect(verifySignature(algorithm, spki(type), data, flipped)).toBe(false);
    expect(verifySignature(algorithm, spki(type), data, signature.subarray(1))).toBe(false);
    expect(verifySignature(algorithm, spki(type), data, Buffer.alloc(0))).toBe(false);
  });

  test('another key, of the same kind and of every other', () => {
    const another = subjectPublicKeyInfoOf(generateTestKeyPair(type).publicKey);
    expect(verifySignature(algorithm, another, data, signature)).toBe(false);
    for (const other of Object.keys(keys) as (keyof typeof keys)[])
      if (other !== type)
        expect([other, verifySignature(algorithm, spki(other), data, signature)]).toEqual([other, false]);
  });

  test('every other algorithm', () => {
    for (const other of Object.keys(keys) as (keyof typeof keys)[]) {
      const scheme = signingSchemeFor(keys[other].privateKey).algorithm;
      if (other !== type) expect([other, verifySignature(scheme, spki(type), data, signature)]).toEqual([other, false]);
    }
  });
});

describe('parameters', () => {
  const rsa = sign('sha256', data, keys['RSA-2048'].privateKey);
  const ecdsa = sign('sha256', data, keys['P-256'].privateKey);
  const ed25519 = sign(null, data, keys.Ed25519.privateKey);

  test.each([
    ['RSA with NULL', Oid.sha256WithRsaEncryption, NULL, 'RSA-2048', rsa, true],
    ['RSA without (RFC 4055 §5)', Oid.sha256WithRsaEncryption, undefined, 'RSA-2048', rsa, true],
    ['RSA with others', Oid.sha256WithRsaEncryption, write.integer(1), 'RSA-2048', rsa, false],
    ['ECDSA without', Oid.ecdsaWithSha256, undefined, 'P-256', ecdsa, true],
    ['ECDSA with NULL (RFC 5758 §3.2)', Oid.ecdsaWithSha256, NULL, 'P-256', ecdsa, false],
    ['Ed25519 without', Oid.ed25519, undefined, 'Ed25519', ed25519, true],
    ['Ed25519 with NULL (RFC 8410 §3)', Oid.ed25519, NULL, 'Ed25519', ed25519, false],
    ['another hash', Oid.sha384WithRsaEncryption, NULL, 'RSA-2048', rsa, false],
    ['another hash with ECDSA', Oid.ecdsaWithSha384, undefined, 'P-256', ecdsa, false],
    ['SHA-1', Oid.sha1WithRsaEncryption, NULL, 'RSA-2048', sign('sha1', data, keys['RSA-2048'].privateKey), false],
    ['MD5', '1.2.840.113549.1.1.4', NULL, 'RSA-2048', sign('md5', data, keys['RSA-2048'].privateKey), false],
    ['a name of Object', 'constructor', undefined, 'RSA-2048', rsa, false],
  ] as const)('%s', (_, oid, parameters, key, signature, valid) => {
    const algorithm = { oid, parameters, der: new Uint8Array() };
    expect(verifySignature(algorithm, spki(key), data, signature)).toBe(valid);
  });

  test('every hash of a kind', () => {
    for (const [hash, rsaOid, ecOid] of [
      ['sha256', Oid.sha256WithRsaEncryption, Oid.ecdsaWithSha256],
      ['sha384', Oid.sha384WithRsaEncryption, Oid.ecdsaWithSha384],
      ['sha512', Oid.sha512WithRsaEncryption, Oid.ecdsaWithSha512],
    ] as const) {
      const rsaSignature = sign(hash, data, keys['RSA-2048'].privateKey);
      expect(verifySignature(algorithmIdentifier(rsaOid, NULL), spki('RSA-2048'), data, rsaSignature)).toBe(true);
      const ecSignature = sign(hash, data, keys['P-256'].privateKey);
      expect(verifySignature(algorithmIdentifier(ecOid), spki('P-256'), data, ecSignature)).toBe(true);
    }
  });
});

describe('RSASSA-PSS parameters (RFC 4055 §3.1)', () => {
  const hashes = { sha256: 32, sha384: 48, sha512: 64 } as const;
  const digest = (oid: string, parameters: Uint8Array | undefined = NULL) => algorithmIdentifier(oid, parameters).der;
  const pss = (...parts: Uint8Array[]) => algorithmIdentifier(Oid.rsassaPss, write.sequence(...parts));
  const mgf1 = (hash: Uint8Array) => write.explicit(1, algorithmIdentifier(Oid.mgf1, hash).der);
  const salt = (octets: number) => write.explicit(2, write.integer(octets));
  const signWith = (hash: string, saltLength: number) =>
    sign(hash, data, { key: keys['RSA-2048'].privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

  test('an RSA key for everything signs PSS too, with each hash', () => {
    for (const [hash, octets] of Object.entries(hashes) as [keyof typeof hashes, number][]) {
      const der = digest(Oid[hash]);
      const algorithm = pss(write.explicit(0, der), mgf1(der), salt(octets));
      expect(verifySignature(algorithm, spki('RSA-2048'), data, signWith(hash, octets))).toBe(true);
      expect(verifySignature(algorithm, spki('RSA-2048'), data, signWith(hash, octets - 1))).toBe(false);
    }
  });

  const sha256 = digest(Oid.sha256);
  const sha384 = digest(Oid.sha384);
  const good = [write.explicit(0, sha256), mgf1(sha256), salt(32)] as const;
  test.each([
    ['as they should be', pss(...good), true],
    [
      'the hash without NULL',
      pss(write.explicit(0, algorithmIdentifier(Oid.sha256).der), mgf1(sha256), salt(32)),
      true,
    ],
    ['trailer 1', pss(...good, write.explicit(3, write.integer(1))), true],
    ['trailer 2', pss(...good, write.explicit(3, write.integer(2))), false],
    ['something behind the trailer', pss(...good, write.explicit(3, write.integer(1)), NULL), false],
    ['something behind the hash', pss(write.explicit(0, sha256, NULL), mgf1(sha256), salt(32)), false],
    ['something behind the salt', pss(good[0], good[1], write.explicit(2, write.integer(32), NULL)), false],
    ['two hashes', pss(write.explicit(0, sha256), mgf1(sha384), salt(32)), false],
    [
      'a hash with parameters',
      pss(write.explicit(0, digest(Oid.sha256, write.integer(1))), mgf1(sha256), salt(32)),
      false,
    ],
    ['another mask', pss(good[0], write.explicit(1, algorithmIdentifier('2.999', sha256).der), salt(32)), false],
    ['a mask without a hash', pss(good[0], write.explicit(1, algorithmIdentifier(Oid.mgf1).der), salt(32)), false],
    ['a shorter salt', pss(good[0], good[1], salt(20)), false],
    ['an unknown hash', pss(write.explicit(0, digest('2.999')), mgf1(digest('2.999')), salt(32)), false],
    ['the defaults, which are SHA-1', pss(), false],
    ['no parameters', algorithmIdentifier(Oid.rsassaPss), false],
    ['NULL', algorithmIdentifier(Oid.rsassaPss, NULL), false],
  ])('%s', (_, algorithm, valid) => {
    expect(isSupportedSignatureAlgorithm(algorithm)).toBe(valid);
    expect(verifySignature(algorithm, spki('RSA-2048'), data, signWith('sha256', 32))).toBe(valid);
  });

  test('a key that is restricted to PSS signs nothing else (RFC 4055 §1.2)', () => {
    const plain = keys['RSA-2048'];
    const { der, key, parameters } = spki('RSA-2048');
    expect(der.length).toBeGreaterThan(0);
    const restricted = Object.create(spki('RSA-PSS-2048'), {
      key: { value: key },
      parameters: { value: parameters },
      keyObject: { value: plain.publicKey },
    }) as ReturnType<typeof spki>;
    const signature = sign('sha256', data, plain.privateKey);
    expect(verifySignature(algorithmIdentifier(Oid.sha256WithRsaEncryption, NULL), restricted, data, signature)).toBe(
      false,
    );
  });
});

test.each([
  ['of 65537 at the end of the turn', Buffer.of(1, 0, 1), false],
  ['as long as the modulus aside: OpenSSL takes it, and a hundred times as long', Buffer.alloc(384, 0x7f), true],
])('a signature by an RSA key with an exponent %s', async (_, exponent, isAside) => {
  const { n = '' } = generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey.export({ format: 'jwk' });
  const key = createPublicKey({ key: { kty: 'RSA', n, e: exponent.toString('base64url') }, format: 'jwk' });
  const algorithm = algorithmIdentifier(Oid.sha256WithRsaEncryption, NULL);
  const verifications = new Set<number>();
  let answers = 0;
  const hook = createHook({
    init: (id, type) => {
      if (type === 'SIGNREQUEST') verifications.add(id);
    },
    // Only what another thread does has a callback.
    before: (id) => {
      if (verifications.has(id)) answers++;
    },
  }).enable();
  expect(await verifySignatureAside(algorithm, subjectPublicKeyInfoOf(key), data, Buffer.alloc(384, 1))).toBe(false);
  hook.disable();
  expect([verifications.size, answers]).toEqual([1, isAside ? 1 : 0]);
});

test('keys that have no algorithm here', () => {
  expect(() => signingSchemeFor(generateKeyPairSync('ed448').privateKey)).toThrow(RangeError);
  expect(() => signingSchemeFor(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey)).toThrow('type ec');
});

test('a key that node:crypto refuses is false, not an exception', () => {
  const { algorithm, signature } = signOctets(data, keys['P-256'].privateKey);
  const broken = Object.create(spki('P-256'), {
    keyObject: {
      get: () => {
        throw new TypeError('a point off its curve');
      },
    },
  }) as ReturnType<typeof spki>;
  expect(verifySignature(algorithm, broken, data, signature)).toBe(false);
});
