import { describe, expect, test } from '@jest/globals';
import { TestCa } from '../../testing/index.js';
import { DecodeError, type Certificate } from '../../x509/index.js';
import { decodeSpiffeBundle } from './spiffe-bundle.js';

const ec = TestCa.root();
const rsa = TestCa.root({ keyType: 'RSA-2048' });
const ed25519 = TestCa.root({ keyType: 'Ed25519' });

const jwkOf = ({ publicKey, der }: Certificate, more: object = {}): object => ({
  ...publicKey.keyObject.export({ format: 'jwk' }),
  use: 'x509-svid',
  x5c: [Buffer.from(der).toString('base64')],
  ...more,
});
const own = jwkOf(ec.certificate);
const read = (value: unknown) =>
  decodeSpiffeBundle(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const fingerprints = (value: unknown): string[] => read(value).certificates.map((each) => each.fingerprint256);

describe('a trust bundle', () => {
  test('as a JWK set: the certificates of its keys for X.509, its sequence and hint', () => {
    const keys = [ec, rsa, ed25519].map(({ certificate }) => jwkOf(certificate));
    const bundle = read({ keys, spiffe_sequence: 12, spiffe_refresh_hint: 600 });
    expect(bundle.certificates.map((each) => each.fingerprint256)).toEqual(
      [ec, rsa, ed25519].map(({ certificate }) => certificate.fingerprint256),
    );
    expect([bundle.sequence, bundle.refreshHint]).toEqual([12, 600]);
    expect(read({ keys: [own] })).toMatchObject({ sequence: undefined, refreshHint: undefined });
  });

  test('as PEM', () => {
    expect(read(ec.certificatePem + rsa.certificatePem).certificates).toHaveLength(2);
  });

  test('of another use, of an unknown type, without a certificate: passed over; no key at all is a domain without X.509', () => {
    const jwt = { kty: 'EC', use: 'jwt-svid', kid: '1', crv: 'P-256', x: 'AA', y: 'AA' };
    const unknown = { ...own, kty: 'PQ' };
    const bare = { ...own, x5c: undefined };
    expect(fingerprints({ keys: [jwt, unknown, bare, { ...own, x5c: [] }, own] })).toEqual([
      ec.certificate.fingerprint256,
    ]);
    expect(fingerprints({ keys: [] })).toEqual([]);
  });

  test('with several certificates in one x5c: the first counts', () => {
    const x5c = [ec, rsa].map(({ certificate }) => Buffer.from(certificate.der).toString('base64'));
    expect(fingerprints({ keys: [{ ...own, x5c }] })).toEqual([ec.certificate.fingerprint256]);
  });

  test.each<[string, unknown]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['no set', '{}'],
    ['keys that are no list', { keys: {} }],
    ['a key that is none', { keys: [null] }],
    ['a key without kty', { keys: [{ ...own, kty: undefined }] }],
    ['the private key of its CA', { keys: [{ ...own, d: 'AA' }] }],
    ['a key without use', { keys: [{ ...own, use: undefined }] }],
    ['an x5c that is text', { keys: [{ ...own, x5c: 'AA==' }] }],
    ['an x5c in base64url', { keys: [{ ...own, x5c: ['-_-_'] }] }],
    ['an x5c that is no certificate', { keys: [{ ...own, x5c: ['AAAA'] }] }],
    ['the key of another', { keys: [{ ...own, x5c: (jwkOf(rsa.certificate) as { x5c: string[] }).x5c }] }],
    ['a key cut short', { keys: [{ ...own, x: 'AA' }] }],
    ['a certificate of no CA', { keys: [jwkOf(ec.issue({ commonName: 'billing' }).certificate)] }],
    ['a sequence that is text', { keys: [own], spiffe_sequence: '1' }],
    ['a negative sequence', { keys: [own], spiffe_sequence: -1 }],
    ['a sequence past what is exact', { keys: [own], spiffe_sequence: 2 ** 60 }],
    ['half a second', { keys: [own], spiffe_refresh_hint: 0.5 }],
    ['more keys than any domain has', { keys: Array.from({ length: 257 }, () => own) }],
    ['more than a mebibyte', ' '.repeat(1024 * 1024 + 1)],
    ['a leaf as PEM', ec.issue({ commonName: 'billing' }).certificatePem],
  ])('%s: refused as a whole', (_, value) => {
    expect(() => read(value)).toThrow(
      expect.objectContaining({ name: expect.stringMatching(/^(BundleError|DecodeError)$/) }),
    );
  });

  test('octets that are no UTF-8 are refused', () => {
    expect(() => decodeSpiffeBundle(Uint8Array.of(0x7b, 0xff))).toThrow('UTF-8');
    expect(DecodeError.name).toBe('DecodeError');
  });
});
