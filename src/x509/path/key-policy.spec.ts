import { describe, expect, it } from '@jest/globals';
import { algorithmIdentifier, Oid } from '../index.js';
import type { KeyParameters } from '../public-key.js';
import { keyDefect, signatureAlgorithmDefect } from './key-policy.js';

describe('keys', () => {
  it.each<[KeyParameters, string | undefined]>([
    [{ type: 'rsa', bits: 2048, exponent: 65537n }, undefined],
    [{ type: 'rsa', bits: 8192, exponent: 3n }, undefined],
    [{ type: 'rsa', bits: 1024, exponent: 65537n }, 'weak_key'],
    [{ type: 'rsa', bits: 2047, exponent: 65537n }, 'weak_key'],
    [{ type: 'rsa', bits: 2050, exponent: 65537n }, 'weak_key'],
    [{ type: 'rsa', bits: 16384, exponent: 65537n }, 'weak_key'],
    [{ type: 'rsa', bits: 2048, exponent: 1n }, 'weak_key'],
    [{ type: 'rsa', bits: 2048, exponent: 65536n }, 'weak_key'],
    [{ type: 'rsa', bits: 2048, exponent: 0n }, 'weak_key'],
    [{ type: 'ec', curve: 'P-256' }, undefined],
    [{ type: 'ed25519' }, undefined],
    [{ type: 'other', oid: '1.2.840.10040.4.1' }, 'unsupported_algorithm'],
  ])('%p: %s', (key, code) => {
    expect(keyDefect(key)?.code).toBe(code);
  });
});

it('takes no signature with SHA-1, MD5 or DSA', () => {
  const codeOf = (oid: string) => signatureAlgorithmDefect({ signatureAlgorithm: algorithmIdentifier(oid) })?.code;
  expect([Oid.ecdsaWithSha256, Oid.ed25519, Oid.sha512WithRsaEncryption].map(codeOf)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  for (const oid of [Oid.sha1WithRsaEncryption, '1.2.840.113549.1.1.4', '1.2.840.10045.4.1', '2.16.840.1.101.3.4.3.2'])
    expect(codeOf(oid)).toBe('unsupported_algorithm');
});
