import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { write } from '../der/index.js';
import {
  encodeName,
  isSpiffeId,
  isTrustDomain,
  Oid,
  trustDomainOf,
  type Certificate,
  type GeneralName,
} from '../x509/index.js';
import { TestCa } from '../testing/index.js';
import { commonNameOf, NoServiceNameError, serviceNameOf, type ServicePlace } from './service-name.js';
import { servicePatterns } from './service-pattern.js';

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const IN_DOMAIN = `${LOWER}0123456789.-_`;
const IN_PATH = IN_DOMAIN + LOWER.toUpperCase();

/** SPIFFE-ID §2 read one character at a time, as an independent second opinion. */
function isSpiffeIdBySection(text: string): boolean {
  if (new TextEncoder().encode(text).length > 2048) return false;
  if (!text.startsWith('spiffe://')) return false;
  const [domain = '', ...segments] = text.slice(9).split('/');
  if (domain.length < 1 || domain.length > 255) return false;
  for (const each of domain) if (!IN_DOMAIN.includes(each)) return false;
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') return false;
    for (const each of segment) if (!IN_PATH.includes(each)) return false;
  }
  return true;
}

describe('a SPIFFE ID', () => {
  test.each([
    // The examples of the specification, and what it says of the form.
    'spiffe://staging.example.com/payments/mysql',
    'spiffe://staging.example.com/payments/web-fe',
    'spiffe://k8s-west.example.com/ns/staging/sa/default',
    'spiffe://example.com/9eebccd2-12bf-40a6-b262-65fe0487d453',
    'spiffe://trustdomain',
    'spiffe://trustdomain/.path',
    'spiffe://trustdomain/..path',
    'spiffe://trustdomain/...',
    'spiffe://trust_domain-1.example/Path',
    `spiffe://${'a'.repeat(255)}/b`,
    `spiffe://a/${'b'.repeat(2048 - 11)}`,
  ])('%.80s is one', (text) => {
    expect([isSpiffeId(text), isSpiffeIdBySection(text)]).toEqual([true, true]);
  });

  test.each([
    '',
    's',
    'spiffe:/',
    'spiffe://',
    'spiffe:///',
    'spiffe:///path',
    'Spiffe://trustdomain',
    'SPIFFE://trustdomain/path',
    'https://trustdomain/path',
    'spiffe:trustdomain/path',
    'spiffe://trustdomain/',
    'spiffe://trustdomain//',
    'spiffe://trustdomain//path',
    'spiffe://trustdomain/path/',
    'spiffe://trustdomain/.',
    'spiffe://trustdomain/./path',
    'spiffe://trustdomain/path/..',
    'spiffe://trustdomain/../path',
    'spiffe://TrustDomain/path',
    'spiffe://user@trustdomain/path',
    'spiffe://user:password@trustdomain/path',
    'spiffe://trustdomain:8080/path',
    'spiffe://trustdomain:/path',
    'spiffe://[::1]/path',
    'spiffe://trustdomain/path?query',
    'spiffe://trustdomain?query',
    'spiffe://trustdomain/path#fragment',
    'spiffe://trustdomain/%61',
    'spiffe://%62%61%64/path',
    'spiffe://trustdomain/pa th',
    'spiffe://trustdomain/path\n',
    'spiffe://trustdomain/path\0',
    'spiffe://trustdomain/é',
    'spiffe://trustdomain\\path',
    'spiffe://trustdomain/path;a=b',
    `spiffe://${'a'.repeat(256)}/b`,
    `spiffe://a/${'b'.repeat(2048 - 10)}`,
  ])('%.80j is none', (text) => {
    expect([isSpiffeId(text), isSpiffeIdBySection(text)]).toEqual([false, false]);
  });

  test('one octet of 256 anywhere makes it one or none, as the sections say', () => {
    for (let octet = 0; octet < 256; octet++)
      for (const text of [`spiffe://a${String.fromCharCode(octet)}b/c`, `spiffe://a/b${String.fromCharCode(octet)}c`])
        expect([text, isSpiffeId(text)]).toEqual([text, isSpiffeIdBySection(text)]);
  });

  test('agrees with a reading of another kind on whatever comes near one', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'spiffe://',
        'Spiffe://',
        'a',
        'B',
        '/',
        '//',
        '.',
        '..',
        '/./',
        '%2f',
        ':80',
        '@',
        '?',
        '#',
        '*',
      ),
      fc.stringMatching(/^[a-z0-9._-]{0,12}$/),
      fc.string({ maxLength: 3 }),
      fc.nat(2100).map((length) => 'x'.repeat(length)),
    );
    const near = fc
      .tuple(fc.constantFrom('spiffe://a', 'spiffe://', ''), fc.array(piece, { maxLength: 6 }))
      .map(([start, rest]) => start + rest.join(''));
    fc.assert(
      fc.property(near, (text) => {
        expect(isSpiffeId(text)).toBe(isSpiffeIdBySection(text));
        if (isSpiffeId(text)) expect(isTrustDomain(trustDomainOf(text))).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('patterns for services', () => {
  test.each([
    ['billing', ['billing'], ['Billing', 'billing.example', 'spiffe://billing']],
    [
      'spiffe://prod.example/ns/*',
      ['spiffe://prod.example/ns/a', 'spiffe://prod.example/ns/a/b'],
      [
        'spiffe://prod.example/ns',
        'spiffe://prod.example/nsx/a',
        'spiffe://prod.example/n/s',
        'spiffe://test.example/ns/a',
        'spiffe://prod.example.evil/ns/a',
        'ns',
      ],
    ],
    ['spiffe://prod.example/*', ['spiffe://prod.example/a'], ['spiffe://prod.example', 'spiffe://prod.examples/a']],
    ['spiffe://prod.example/a', ['spiffe://prod.example/a'], ['spiffe://prod.example/a/b', 'spiffe://prod.example']],
  ])('%s', (pattern, inside, outside) => {
    const isNamed = servicePatterns([pattern]);
    expect(inside.filter((service) => !isNamed(service))).toEqual([]);
    expect(outside.filter(isNamed)).toEqual([]);
  });

  test.each([
    '*',
    '',
    '/*',
    'bill*',
    'billing/*',
    'spiffe://*',
    'spiffe://prod.example',
    'spiffe://prod.example*',
    'spiffe://prod.example/a*',
    'spiffe://prod.example/*/a',
    'spiffe://prod.example/**',
    'spiffe://prod.example/*/*',
    'spiffe://prod.example//*',
    'spiffe://Prod.example/*',
    'https://prod.example/*',
    'a b',
  ])('%j could match nothing: refused at the start', (pattern) => {
    expect(() => servicePatterns(['billing', pattern])).toThrow(RangeError);
  });

  test('a pattern is every longer path that begins with its segments, whatever others stand beside it', () => {
    const segments = fc.array(fc.constantFrom('a', 'b', 'ab', '..a'), { minLength: 1, maxLength: 4 });
    const domain = fc.constantFrom('p', 'pp');
    const id = fc.tuple(domain, segments);
    const pattern = fc.tuple(id, fc.boolean());
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 5 }), id, (patterns, [asked, path]) => {
        const written = patterns.map(([[of, at], below]) => `spiffe://${of}/${at.join('/')}${below ? '/*' : ''}`);
        const expected = patterns.some(
          ([[of, at], below]) =>
            of === asked &&
            at.every((segment, index) => path[index] === segment) &&
            (below ? path.length > at.length : path.length === at.length),
        );
        expect(servicePatterns(written)(`spiffe://${asked}/${path.join('/')}`)).toBe(expected);
      }),
    );
  });
});

describe('the name of a service', () => {
  const ca = TestCa.root();
  const uri = (value: string): GeneralName => ({ kind: 'uri', value });
  const dns = (value: string): GeneralName => ({ kind: 'dns', value });
  const certificate = (commonNames: readonly string[], names: readonly GeneralName[] = []): Certificate =>
    ca.issue({ subject: encodeName(commonNames.map((value) => [{ type: Oid.commonName, value }])), names }).certificate;
  const ID = 'spiffe://prod.example/ns/billing';
  // A GeneralString, which is none of the strings of X.509, but which others show as text all the same.
  const foreign = { type: Oid.commonName, tag: 0x1b, value: undefined, der: write.element(0x1b, Buffer.from('admin')) };
  const withForeign = (...commonNames: readonly string[]): Certificate =>
    ca.issue({
      subject: encodeName([...commonNames.map((value) => [{ type: Oid.commonName, value }]), [foreign]]),
      names: [uri(ID)],
    }).certificate;

  test.each<[readonly ServicePlace[], Certificate, string, ServicePlace]>([
    [['cn'], certificate(['billing'], [dns('other.example'), uri(ID)]), 'billing', 'cn'],
    [['cn', 'spiffe'], certificate(['billing'], [uri(ID)]), 'billing', 'cn'],
    [['spiffe', 'cn'], certificate(['billing'], [uri(ID)]), ID, 'spiffe'],
    [['spiffe', 'cn'], certificate(['billing']), 'billing', 'cn'],
    [['dns'], certificate(['billing'], [dns('Billing.Prod.example')]), 'billing.prod.example', 'dns'],
    [['dns', 'cn'], certificate(['billing'], [uri(ID)]), 'billing', 'cn'],
    [['cn', 'dns', 'spiffe'], certificate([], [uri(ID)]), ID, 'spiffe'],
    [['spiffe'], certificate(['billing'], [uri(ID), dns('a.example'), dns('b.example')]), ID, 'spiffe'],
  ])('from %j', (places, leaf, service, serviceFrom) => {
    expect(serviceNameOf(leaf, places)).toEqual({ service, serviceFrom });
  });

  test('the common name beside it is the only one, or none', () => {
    expect(commonNameOf(certificate(['billing'], [uri(ID)]))).toBe('billing');
    for (const leaf of [certificate(['billing', 'orders'], [uri(ID)]), withForeign('billing'), certificate([ID])])
      expect(commonNameOf(leaf)).toBeUndefined();
  });

  test.each<[string, readonly ServicePlace[], Certificate]>([
    ['two common names', ['cn'], certificate(['billing', 'orders'])],
    ['two common names, with a SPIFFE ID behind them', ['cn', 'spiffe'], certificate(['a', 'b'], [uri(ID)])],
    ['a common name beside one that is no text', ['cn'], withForeign('billing')],
    ['a common name that is no text, with a SPIFFE ID behind it', ['cn', 'spiffe'], withForeign()],
    ['a common name that is a SPIFFE ID', ['cn'], certificate([ID])],
    ['two DNS names', ['dns', 'cn'], certificate(['billing'], [dns('a.example'), dns('b.example')])],
    ['a wildcard', ['dns', 'cn'], certificate(['billing'], [dns('*.example')])],
    ['two URIs', ['spiffe', 'cn'], certificate(['billing'], [uri(ID), uri('https://a.example/')])],
    ['two SPIFFE IDs', ['spiffe', 'cn'], certificate(['billing'], [uri(ID), uri(`${ID}2`)])],
    ['a URI that is no SPIFFE ID', ['spiffe', 'cn'], certificate(['billing'], [uri('https://a.example/')])],
    ['a SPIFFE ID without a path', ['spiffe', 'cn'], certificate(['billing'], [uri('spiffe://prod.example')])],
    ['a SPIFFE ID with a port', ['spiffe', 'cn'], certificate(['billing'], [uri('spiffe://prod.example:1/a')])],
    ['a SPIFFE ID with a user', ['spiffe', 'cn'], certificate(['billing'], [uri('spiffe://a@prod.example/a')])],
    ['a SPIFFE ID with a query', ['spiffe', 'cn'], certificate(['billing'], [uri('spiffe://prod.example/a?b')])],
    ['a SPIFFE ID in capitals', ['spiffe', 'cn'], certificate(['billing'], [uri('spiffe://PROD.example/a')])],
    ['nothing at all', ['cn', 'dns', 'spiffe'], certificate([])],
    ['nothing in the only place', ['spiffe'], certificate(['billing'])],
  ])('%s names nobody, and says what to do', (_, places, leaf) => {
    const thrown = (() => {
      try {
        return serviceNameOf(leaf, places);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(NoServiceNameError);
    expect((thrown as NoServiceNameError).mend).toMatch(/^Have a certificate issued with one /);
  });
});
