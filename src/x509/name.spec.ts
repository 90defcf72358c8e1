import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DecodeError, DerReader, Tag, write } from '../der/index.js';
import {
  attributeValues,
  decodeName,
  encodeName,
  isEmptyName,
  nameFrom,
  nameToString,
  sameName,
  type Name,
} from './name.js';
import { Oid } from './oids.js';

const attribute = (type: string, tag: number, value: Uint8Array | string): Uint8Array =>
  write.sequence(write.oid(type), write.element(tag, Buffer.from(value)));
const decode = (...sets: readonly Uint8Array[]): Name => decodeName(new DerReader(write.sequence(...sets)), 'subject');
const cn = (value: string): Name => nameFrom({ commonName: value });
const valued = (tag: number, value: Uint8Array | string): Name =>
  decode(write.setOf(attribute(Oid.commonName, tag, value)));

describe('reading', () => {
  test('a multi-valued RDN keeps its attributes together', () => {
    const name = encodeName([
      [{ type: Oid.countryName, value: 'DE' }],
      [
        { type: Oid.userId, value: '42' },
        { type: Oid.commonName, value: 'orders' },
      ],
    ]);
    expect(name.rdns.map((rdn) => rdn.map(({ type, value }) => [type, value]))).toEqual([
      [[Oid.countryName, 'DE']],
      [
        [Oid.commonName, 'orders'],
        [Oid.userId, '42'],
      ],
    ]);
    expect(attributeValues(name, Oid.userId)).toEqual(['42']);
    expect(nameToString(name)).toBe('CN=orders+UID=42,C=DE');
  });

  test.each([
    ['UTF8String', Tag.UTF8_STRING, 'a'],
    ['PrintableString', Tag.PRINTABLE_STRING, 'a'],
    ['TeletexString', Tag.TELETEX_STRING, 'a'],
    ['IA5String', Tag.IA5_STRING, 'a'],
    ['VisibleString', Tag.VISIBLE_STRING, 'a'],
    ['BMPString', Tag.BMP_STRING, '\0a'],
    ['UniversalString', Tag.UNIVERSAL_STRING, '\0\0\0a'],
  ])('%s', (_, tag, contents) => {
    expect(valued(tag, contents).rdns[0]?.[0]).toMatchObject({ type: Oid.commonName, tag, value: 'a' });
    expect(sameName(valued(tag, contents), cn('A'))).toBe(true);
  });

  test('a value that is no string has no text and is compared by its octets', () => {
    const name = valued(Tag.INTEGER, Buffer.of(5));
    expect(name.rdns[0]?.[0]).toMatchObject({ tag: Tag.INTEGER, value: undefined });
    expect(attributeValues(name, Oid.commonName)).toEqual(['']);
    expect(nameToString(name)).toBe('CN=#020105');
    expect(sameName(name, valued(Tag.INTEGER, Buffer.of(5)))).toBe(true);
    expect(sameName(name, cn('#020105'))).toBe(false);
    expect(sameName(name, valued(Tag.INTEGER, Buffer.of(6)))).toBe(false);
  });

  test('the type decides the string that is written', () => {
    const tags = encodeName(
      [Oid.countryName, Oid.serialNumber, Oid.dnQualifier, Oid.emailAddress, Oid.domainComponent, Oid.title].map(
        (type) => [{ type, value: 'x' }],
      ),
    ).rdns.map(([first]) => first?.tag);
    const { PRINTABLE_STRING, IA5_STRING, UTF8_STRING } = Tag;
    expect(tags).toEqual([PRINTABLE_STRING, PRINTABLE_STRING, PRINTABLE_STRING, IA5_STRING, IA5_STRING, UTF8_STRING]);
  });

  const a = attribute(Oid.commonName, Tag.UTF8_STRING, 'a');
  const b = attribute(Oid.commonName, Tag.UTF8_STRING, 'b');
  test.each([
    ['an empty RDN', [write.element(Tag.SET)], 'is empty'],
    ['an unsorted RDN', [write.element(Tag.SET, b, a)], 'not sorted'],
    ['the same attribute twice in an RDN', [write.element(Tag.SET, a, a)], 'not sorted'],
    ['a SEQUENCE for a SET', [write.sequence(a)], 'where 0x31 belongs'],
    ['65 RDNs', Array<Uint8Array>(65).fill(write.setOf(a)), 'more than 64 RDNs'],
    [
      '17 attributes in an RDN',
      [write.setOf(...Array.from({ length: 17 }, (_, i) => attribute(Oid.title, Tag.UTF8_STRING, String(i))))],
      'more than 16 attributes',
    ],
    ['a value of 33 KiB', [write.setOf(attribute(Oid.title, Tag.UTF8_STRING, 'x'.repeat(33 * 1024)))], 'too long'],
    [
      'a value that does not fit its type',
      [write.setOf(attribute(Oid.title, Tag.PRINTABLE_STRING, 'a@b'))],
      'string type',
    ],
    [
      'three parts in an attribute',
      [write.setOf(write.sequence(write.oid(Oid.title), write.utf8String('a'), write.nullElement()))],
      'trailing octets',
    ],
  ])('%s is refused', (_, sets, problem) => {
    expect(() => decode(...sets)).toThrow(DecodeError);
    expect(() => decode(...sets)).toThrow(problem);
  });

  test('an empty name', () => {
    expect(isEmptyName(decode())).toBe(true);
    expect(isEmptyName(cn(''))).toBe(false);
    expect(nameToString(decode())).toBe('');
  });
});

describe('comparing (RFC 5280 §7.1)', () => {
  // The dotless i is not folded (below), though it has a capital.
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    .filter((value) => !value.normalize('NFKC').includes('ı'));

  test('one way of folding is not enough: the large sharp s', () => {
    expect(sameName(cn('STRAẞE'), cn('straße'))).toBe(true);
    expect(sameName(cn('STRAẞE'), cn('STRASSE'))).toBe(true);
  });

  test('case, string type and white space do not count', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(sameName(cn(value), cn(value.toUpperCase()))).toBe(true);
        expect(sameName(cn(value), cn(value.toLowerCase()))).toBe(true);
        expect(sameName(cn(value), cn(`  ${value}\t`))).toBe(true);
        expect(sameName(cn(`${value} x`), cn(`${value}   X`))).toBe(true);
        expect(sameName(cn(value), cn(value.normalize('NFD')))).toBe(true);
      }),
    );
  });

  test.each([
    ['Straße', 'STRASSE'],
    ['ΟΔΟΣ', 'οδος'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['ﬁne', 'FINE'],
    ['é', 'e\u0301'],
    ['a\u00a0b', 'a b'],
  ])('%s is %s', (left, right) => {
    expect(sameName(cn(left), cn(right))).toBe(true);
  });

  test('what would cost too much to compose stands as it is', () => {
    const [few, many] = ['\u0301'.repeat(30), '\u0301'.repeat(31)];
    expect(sameName(cn(`e${few}`), cn(`E${few}`))).toBe(true);
    expect(sameName(cn(`e${many}`), cn(`E${many}`))).toBe(false);
    expect(sameName(cn(`e${many}`), cn(`e${many}`))).toBe(true);
    const phrase = '\ufdfa'.normalize('NFKC');
    expect(sameName(cn('\ufdfa'.repeat(8)), cn(phrase.repeat(8)))).toBe(true);
    expect(sameName(cn('\ufdfa'.repeat(9)), cn(phrase.repeat(9)))).toBe(false);
  });

  test.each([
    ['admin', 'admin\0'],
    ['admin', 'adm\u00adin'],
    ['admin', 'admin\u200b'],
    ['admin', 'аdmin'],
    ['admin', 'admın'],
    ['ADMIN', 'adm𝚤n'],
    ['a b', 'ab'],
    ['a b', 'a\ufeffb'],
    ['a', '\ufeffa'],
    ['', 'a'],
  ])('%j is not %j', (left, right) => {
    expect(sameName(cn(left), cn(right))).toBe(false);
  });

  test('the order of RDNs counts, the order inside one does not', () => {
    const o = { type: Oid.organizationName, value: 'x' };
    const c = { type: Oid.commonName, value: 'y' };
    expect(sameName(encodeName([[o], [c]]), encodeName([[c], [o]]))).toBe(false);
    expect(sameName(encodeName([[o, c]]), encodeName([[c, o]]))).toBe(true);
    expect(sameName(encodeName([[o, c]]), encodeName([[o], [c]]))).toBe(false);
    expect(sameName(encodeName([[o], [c]]), encodeName([[c]]))).toBe(false);
  });

  test('the type counts', () => {
    expect(
      sameName(encodeName([[{ type: Oid.title, value: 'x' }]]), encodeName([[{ type: Oid.surname, value: 'x' }]])),
    ).toBe(false);
  });

  test('nothing in a value can pose as structure', () => {
    const structured = nameFrom({ organization: 'x', commonName: 'y' });
    for (const value of [
      'O=x,CN=y',
      'y,O=x',
      '/O=x/CN=y',
      'x","2.5.4.3=y',
      'x"]["2.5.4.3=y',
      'x\\"]',
      'y\n2.5.4.10=x',
    ]) {
      expect(sameName(cn(value), structured)).toBe(false);
      expect(attributeValues(cn(value), Oid.commonName)).toEqual([value]);
      expect(attributeValues(cn(value), Oid.organizationName)).toEqual([]);
    }
    const plain = fc.stringMatching(/^[a-z"[\]\\=,+0-9.]{1,8}$/);
    const rdns = fc.array(
      fc.array(fc.record({ type: fc.constantFrom(Oid.title, Oid.surname), value: plain }), {
        minLength: 1,
        maxLength: 1,
      }),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(rdns, rdns, (left, right) => {
        expect(sameName(encodeName(left), encodeName(right))).toBe(JSON.stringify(left) === JSON.stringify(right));
      }),
    );
  });
});

describe('for people (RFC 4514)', () => {
  test.each([
    ['a,b', 'CN=a\\,b'],
    ['O=x,CN=y', 'CN=O\\=x\\,CN\\=y'],
    ['/CN=admin', 'CN=/CN\\=admin'],
    ['a+b"c\\d<e>f;g', 'CN=a\\+b\\"c\\\\d\\<e\\>f\\;g'],
    ['#1', 'CN=\\#1'],
    [' a ', 'CN=\\ a\\ '],
    [' ', 'CN=\\ '],
    ['a\0b', 'CN=a\\00b'],
    ['a\r\n{"level":"fatal"}', 'CN=a\\0d\\0a{\\"level\\":\\"fatal\\"}'],
    ['a\u001b[31m', 'CN=a\\1b[31m'],
    ['a\u202eb', 'CN=a\\e2\\80\\aeb'],
    ['a\u2066b\u200bc\u2028d', 'CN=a\\e2\\81\\a6b\\e2\\80\\8bc\\e2\\80\\a8d'],
    ['Grüße', 'CN=Grüße'],
  ])('%j', (value, text) => {
    expect(nameToString(cn(value))).toBe(text);
  });

  test('an attribute without a short name stands by its number', () => {
    expect(nameToString(encodeName([[{ type: '2.999.1', value: 'x' }]]))).toBe('2.999.1=x');
  });
});

describe('text for people', () => {
  test.each([
    ['a long value', encodeName([[{ type: Oid.commonName, value: 'x'.repeat(30_000) }]])],
    ['a value that is all escapes', encodeName([[{ type: Oid.commonName, value: ','.repeat(30_000) }]])],
    [
      'many attributes',
      encodeName(Array.from({ length: 60 }, () => [{ type: Oid.commonName, value: 'x'.repeat(100) }])),
    ],
    ['a value that is no string', valued(Tag.OCTET_STRING, Buffer.alloc(30_000))],
  ])('is cut: %s', (_, name) => {
    const text = nameToString(name);
    expect(text).toHaveLength(513);
    expect(text).toMatch(/^CN=.*…$/);
  });
});
