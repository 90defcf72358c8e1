import { describe, expect, test } from '@jest/globals';
import { context, isPrintable, Tag, write } from './index.js';

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

describe('minimal forms', () => {
  test.each([
    [0x7f, '047f'],
    [0x80, '048180'],
    [0xff, '0481ff'],
    [0x100, '04820100'],
    [0x10000, '0483010000'],
    [0x1000000, '048401000000'],
    [0xf0000000, '0484f0000000'],
  ])('a length of %d', (length, header) => {
    expect(hex(write.encodeHeader(Tag.OCTET_STRING, length))).toBe(header);
  });

  test.each([
    [0, '020100'],
    [127, '02017f'],
    [128, '02020080'],
    [256n, '02020100'],
    [Uint8Array.of(), '020100'],
    [Uint8Array.of(0, 0, 5), '020105'],
    [Uint8Array.of(0, 0x80), '02020080'],
    [Uint8Array.of(0), '020100'],
  ])('the INTEGER %s', (value, der) => {
    expect(hex(write.integer(value))).toBe(der);
  });

  test.each([
    [[], '030100'],
    [[0], '03020780'],
    [[5, 6], '03020106'],
    [[7], '03020001'],
    [[8], '0303070080'],
  ])('the named bits %j', (bits, der) => {
    expect(hex(write.namedBits(bits))).toBe(der);
  });

  test('a SET OF is sorted by octets, whatever order it comes in', () => {
    const parts = [write.integer(300), write.octetString(Buffer.of(1)), write.integer(2), write.boolean(true)];
    const sorted = '310d' + '0101ff' + '020102' + '0202012c' + '040101';
    expect(hex(write.setOf(...parts))).toBe(sorted);
    expect(hex(write.setOf(...parts.toReversed()))).toBe(sorted);
  });
});

describe('what does not fit its type is not written', () => {
  test.each([
    ['a negative INTEGER', () => write.integer(-1)],
    ['a fraction', () => write.integer(1.5)],
    ['a letter beyond IA5String', () => write.ia5String('é', context(2))],
    ['a letter beyond PrintableString', () => write.printableString('a@b')],
    ['half a surrogate pair', () => write.utf8String('a\ud800')],
  ])('%s', (_, run) => {
    expect(run).toThrow(RangeError);
  });

  test('PrintableString has no @, _, * or control characters', () => {
    expect(isPrintable("Az09 '()+,-./:=?")).toBe(true);
    for (const character of '@_*&"\0\n;<>#!') expect([character, isPrintable(character)]).toEqual([character, false]);
  });
});
