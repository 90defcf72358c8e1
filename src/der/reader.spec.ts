import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { computingTime } from '../../test/support/computing-time.js';
import { context, contextConstructed, DecodeError, DerReader, Tag, write } from './index.js';

const read = (hex: string): DerReader => new DerReader(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** The error that `run` ends in. */
function refusal(run: () => unknown): DecodeError {
  try {
    run();
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('what is written is read back', () => {
  test('octet strings of every length form', () => {
    for (const length of [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffff, 0x1000000]) {
      const der = write.octetString(Buffer.alloc(length, 0x5a));
      const reader = new DerReader(der);
      expect(reader.octetString('x').length).toBe(length);
      reader.end('x');
    }
  });

  test('integers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1n << 200n }), (value) => {
        const octets = new DerReader(write.integer(value)).integer('x');
        expect(BigInt(`0x${Buffer.from(octets).toString('hex')}`)).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (magnitude) => {
        const octets = new DerReader(write.integer(magnitude)).integer('x');
        expect(BigInt(`0x0${Buffer.from(octets).toString('hex')}`)).toBe(
          BigInt(`0x0${Buffer.from(magnitude).toString('hex')}`),
        );
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7fffffff }), (value) => {
        expect(new DerReader(write.integer(value)).smallInteger('x')).toBe(value);
        expect(new DerReader(write.integer(value, Tag.ENUMERATED)).enumerated('x')).toBe(value);
      }),
    );
  });

  test('object identifiers', () => {
    const arc = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });
    const root = fc.oneof(
      fc.tuple(fc.constantFrom(0, 1), fc.bigInt({ min: 0n, max: 39n })),
      fc.tuple(fc.constant(2), arc),
    );
    fc.assert(
      fc.property(root, fc.array(arc, { maxLength: 2 }), ([first, second], rest) => {
        const dotted = [first, second, ...rest].join('.');
        const der = write.oid(dotted);
        expect(new DerReader(der).oid('x')).toBe(dotted);
        // From the memory of those read last, too.
        expect(new DerReader(der).oid('x')).toBe(dotted);
      }),
    );
  });

  test('bit strings and named bits', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 31 }), { maxLength: 9 }), (bits) => {
        expect([...new DerReader(write.namedBits(bits)).namedBits('x')]).toEqual(bits.toSorted((a, b) => a - b));
      }),
    );
    expect(read('03020780').bitString('x')).toEqual({ octets: Buffer.of(0x80), unusedBits: 7 });
    expect(read('030100').bitString('x').octets.length).toBe(0);
  });

  test('text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(new DerReader(write.utf8String(text)).string('x')).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        expect(new DerReader(write.ia5String(text)).string('x')).toBe(text);
      }),
    );
  });

  test('times, in whole seconds', () => {
    const date = fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, (moment) => {
        moment.setUTCMilliseconds(0);
        expect(new DerReader(write.time(moment)).time('x')).toEqual(moment);
        expect(new DerReader(write.generalizedTime(moment)).generalizedTime('x')).toEqual(moment);
      }),
    );
  });

  test('booleans, NULL, nested windows', () => {
    expect(new DerReader(write.boolean(true)).boolean('x')).toBe(true);
    expect(new DerReader(write.boolean(false)).boolean('x')).toBe(false);
    expect(new DerReader(write.boolean(true)).flag('x')).toBe(true);
    expect(new DerReader(write.nullElement()).flag('x')).toBe(false);
    const outer = new DerReader(write.sequence(write.nullElement(), write.explicit(3, write.integer(5))));
    const sequence = outer.enter(Tag.SEQUENCE, 'x');
    sequence.null('x');
    expect(sequence.enterIf(contextConstructed(2), 'x')).toBeUndefined();
    expect(sequence.enterIf(contextConstructed(3), 'x')?.smallInteger('x')).toBe(5);
    sequence.end('x');
    outer.end('x');
    // What follows a window is not in it.
    const empty = new DerReader(Buffer.concat([write.sequence(), write.integer(5)])).enter(Tag.SEQUENCE, 'x');
    expect([empty.peek(), empty.has(Tag.INTEGER)]).toEqual([0, false]);
  });

  test('a plain array, or a part of one', () => {
    const whole = Uint8Array.of(9, 9, 0x0c, 2, 0xc3, 0xa9, 9);
    expect(new DerReader(whole.subarray(2, 6)).string('x')).toBe('é');
  });
});

describe('offsets count from the outermost input', () => {
  test('through windows and views', () => {
    const octets = Buffer.from('3008 0403 010105 010101'.replaceAll(' ', ''), 'hex');
    const outer = new DerReader(octets);
    const sequence = outer.enter(Tag.SEQUENCE, 'x');
    const value = sequence.octetString('value');
    expect(refusal(() => outer.on(value).boolean('inside')).offset).toBe(4);
    expect(refusal(() => sequence.boolean('after')).offset).toBe(7);
    expect(refusal(() => sequence.boolean('behind')).message).toBe('behind is missing, at octet 10');
  });
});

describe('refused, with the offset of the element', () => {
  const inSequence: readonly (readonly [string, string, (reader: DerReader) => unknown, string])[] = [
    ['an indefinite length', '3080 0000', (r) => r.element('x'), 'indefinite'],
    ['a length of five octets', '0485 0000000001 00', (r) => r.octetString('x'), 'oversized'],
    ['the reserved length FF', '04ff 00', (r) => r.octetString('x'), 'oversized'],
    ['a long form that fits the short one', '04817f', (r) => r.octetString('x'), 'minimal'],
    ['a long form with a leading zero', '04820080', (r) => r.octetString('x'), 'minimal'],
    ['a cut length', '0482', (r) => r.octetString('x'), 'cut off'],
    ['a missing length', '04', (r) => r.octetString('x'), 'cut off'],
    ['contents past the end', '0403 0101', (r) => r.octetString('x'), 'cut off'],
    ['contents of 4 GiB', '0484ffffffff', (r) => r.octetString('x'), 'cut off'],
    ['another tag', '0401 00', (r) => r.integer('x'), '0x04 where 0x02'],
    ['a tag of several octets', '1f8101 00', (r) => r.element('x'), 'several octets'],
    ['a constructed string', '2403 040100', (r) => r.element('x'), 'tag 0x24'],
    ['a primitive SEQUENCE', '1000', (r) => r.element('x'), 'tag 0x10'],
    ['an end-of-contents', '0000', (r) => r.element('x'), 'tag 0x00'],
    ['a padded positive INTEGER', '0202 007f', (r) => r.integer('x'), 'minimal INTEGER'],
    ['a padded negative INTEGER', '0202 ff80', (r) => r.integer('x'), 'minimal INTEGER'],
    ['an empty INTEGER', '0200', (r) => r.integer('x'), 'empty INTEGER'],
    ['a negative small INTEGER', '0201 ff', (r) => r.smallInteger('x'), 'negative or too large'],
    ['the least of one octet', '0201 80', (r) => r.smallInteger('x'), 'negative or too large'],
    ['a small INTEGER of 2^31', '0205 0080000000', (r) => r.smallInteger('x'), 'negative or too large'],
    ['TRUE that is not FF', '0101 01', (r) => r.boolean('x'), 'BOOLEAN'],
    ['a BOOLEAN of two octets', '0102 ffff', (r) => r.boolean('x'), 'BOOLEAN'],
    ['an empty BOOLEAN', '0100', (r) => r.boolean('x'), 'BOOLEAN'],
    ['a default written out', '0101 00', (r) => r.flag('x'), 'default'],
    [
      'NULL with contents',
      '0501 00',
      (r) => {
        r.null('x');
      },
      'NULL',
    ],
    ['a BIT STRING without its first octet', '0300', (r) => r.bitString('x'), 'BIT STRING'],
    ['eight unused bits', '0302 0800', (r) => r.bitString('x'), 'BIT STRING'],
    ['unused bits of nothing', '0301 01', (r) => r.bitString('x'), 'BIT STRING'],
    ['unused bits that are set', '0302 0181', (r) => r.bitString('x'), 'padding bits'],
    ['half an octet of key', '0302 0480', (r) => r.wholeOctets('x'), 'whole octets'],
    ['named bits with a trailing zero bit', '0302 0680', (r) => r.namedBits('x'), 'zero bits'],
    ['named bits with a trailing zero octet', '0303 008000', (r) => r.namedBits('x'), 'zero bits'],
    ['more named bits than have names', '0306 000000000001', (r) => r.namedBits('x'), '32 bits'],
    ['an empty OID', '0600', (r) => r.oid('x'), 'OBJECT IDENTIFIER'],
    ['a cut OID', '0602 2a86', (r) => r.oid('x'), 'OBJECT IDENTIFIER'],
    ['an OID cut after an octet of zeros', '0602 2a80', (r) => r.oid('x'), 'OBJECT IDENTIFIER'],
    ['a padded arc', '0603 2a8001', (r) => r.oid('x'), 'padded'],
    ['a padded first arc', '0602 8001', (r) => r.oid('x'), 'padded'],
    ['an OID of 65 octets', `0641 ${'2a'.repeat(65)}`, (r) => r.oid('x'), 'OBJECT IDENTIFIER'],
    ['something that is no time', '0201 00', (r) => r.time('x'), 'not a time'],
    ['something that is no string', '0201 00', (r) => r.string('x'), 'character string'],
  ];

  test.each(inSequence)('%s', (_, hex, decode, problem) => {
    // Two octets of header and a NULL stand before it.
    const body = `0500${hex.replaceAll(' ', '')}`;
    const sequence = read(`30${(body.length / 2).toString(16).padStart(2, '0')}${body}`).enter(Tag.SEQUENCE, 'x');
    sequence.null('x');
    const error = refusal(() => decode(sequence));
    expect(error).toMatchObject({ offset: 4, code: 'malformed', name: 'DecodeError' });
    expect(error.problem).toContain(problem);
  });

  test('a length that ends inside its element but outside its window', () => {
    // The SEQUENCE ends before the OCTET STRING in it does, although the input goes on.
    expect(refusal(() => read('3003 0404 aabbccdd').enter(Tag.SEQUENCE, 'x').octetString('y')).offset).toBe(2);
    expect(refusal(() => read('3001 04 00').enter(Tag.SEQUENCE, 'x').octetString('y')).offset).toBe(2);
    expect(refusal(() => read('3002 0481 80').enter(Tag.SEQUENCE, 'x').octetString('y')).offset).toBe(2);
  });

  test('trailing octets', () => {
    const reader = read('0500 00');
    reader.null('x');
    expect(
      refusal(() => {
        reader.end('x');
      }).offset,
    ).toBe(2);
  });

  test('too much, before it is looked at', () => {
    expect(refusal(() => DerReader.bounded(Buffer.alloc(11), 10, 'x')).message).toBe(
      'x of 11 octets is over the limit of 10, at octet 0',
    );
    expect(DerReader.bounded(Buffer.alloc(10), 10, 'x').done).toBe(false);
  });
});

describe('an element that is handed out unread', () => {
  const nest = (depth: number): Uint8Array =>
    Array.from({ length: depth }).reduce<Uint8Array>((inner) => write.sequence(inner), write.nullElement());

  test('is well formed all the way down', () => {
    const der = write.sequence(write.explicit(0, write.integer(1), write.octetString(Buffer.of(0x30, 0x80))));
    expect(Buffer.from(new DerReader(der).element('x'))).toEqual(der);
    expect(refusal(() => read('3006 a004 0282 0001').element('x')).offset).toBe(4);
    expect(refusal(() => read('3004 3080 0000').element('x')).offset).toBe(2);
  });

  test.each([
    ['TRUE that is not FF', '010101'],
    ['a padded INTEGER', '0202007f'],
    ['an ENUMERATED without contents', '0a00'],
    ['a BIT STRING with padding that is not zero', '03020181'],
    ['a BIT STRING without contents', '0300'],
    ['NULL with contents', '050100'],
    ['an OBJECT IDENTIFIER that is cut off', '060188'],
  ])('has contents of its type: not %s', (_, hex) => {
    const der = Buffer.from(hex, 'hex');
    expect(refusal(() => new DerReader(der).element('x')).offset).toBe(0);
    expect(refusal(() => new DerReader(write.sequence(der)).element('x')).offset).toBe(2);
    expect(new DerReader(write.element(0x80, der)).element('x')).toHaveLength(der.length + 2);
  });

  test('is at most 16 levels deep', () => {
    expect(new DerReader(nest(16)).element('x').length).toBe(nest(16).length);
    expect(refusal(() => new DerReader(nest(17)).element('x'))).toMatchObject({ offset: 32 });
  });

  test('is refused soon when it nests a hundred thousand octets', () => {
    const took = computingTime(() => {
      expect(refusal(() => new DerReader(Buffer.alloc(100_000, '3080', 'hex')).element('x')).offset).toBe(0);
      expect(refusal(() => new DerReader(nest(3000)).element('x')).problem).toContain('levels deep');
    });
    expect(took).toBeLessThan(200);
  });
});

describe('object identifiers', () => {
  test.each([
    ['2.999', '06028837'],
    ['2.999.3', '0603883703'],
    ['2.39', '060177'],
    ['2.40', '060178'],
    ['2.47', '06017f'],
    ['2.48', '06028100'],
    ['0.0', '060100'],
    ['1.39', '06014f'],
    ['0.9.2342.19200300.100.1.1', '060a0992268993f22c640101'],
    ['2.25.329800735698586629295641978511506172918', '0614 6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776'],
    ['2.25.340282366920938463463374607431768211455', '0614 6983ffffffffffffffffffffffffffffffffff7f'],
    ['2.340282366920938463463374607431768211455.1', '0614 8480808080808080808080808080808080804f01'],
  ])('%s', (dotted, hex) => {
    expect(Buffer.from(write.oid(dotted)).toString('hex')).toBe(hex.replaceAll(' ', ''));
    expect(read(hex).oid('x')).toBe(dotted);
  });

  test.each(['', '1', '3.1', '1.40', '0.40', '1.2.', '.1.2', '1.02', '1.-2', '1.2a', '2.25.' + '9'.repeat(200)])(
    '%j is not one',
    (text) => {
      expect(() => write.oid(text)).toThrow(RangeError);
    },
  );

  test('two that share a slot of the memory do not become one another', () => {
    const many = Array.from({ length: 2000 }, (_, i) => `1.3.6.1.4.1.${i}`);
    for (const round of [1, 2])
      for (const dotted of many) expect([round, new DerReader(write.oid(dotted)).oid('x')]).toEqual([round, dotted]);
  });
});

describe('times', () => {
  const utc = (text: string): Date => new DerReader(write.element(Tag.UTC_TIME, Buffer.from(text))).time('x');
  const generalized = (text: string): Date =>
    new DerReader(write.element(Tag.GENERALIZED_TIME, Buffer.from(text))).time('x');

  test('UTCTime holds 1950 to 2049', () => {
    expect(utc('500101000000Z').toISOString()).toBe('1950-01-01T00:00:00.000Z');
    expect(utc('991231235959Z').toISOString()).toBe('1999-12-31T23:59:59.000Z');
    expect(utc('000229120000Z').toISOString()).toBe('2000-02-29T12:00:00.000Z');
    expect(utc('491231235959Z').toISOString()).toBe('2049-12-31T23:59:59.000Z');
  });

  test.each([
    ['1949-12-31T23:59:59Z', '180f3139343931323331323335393539'],
    ['1950-01-01T00:00:00Z', '170d353030313031303030303030'],
    ['2049-12-31T23:59:59Z', '170d343931323331323335393539'],
    ['2050-01-01T00:00:00Z', '180f3230353030313031303030303030'],
    ['9999-12-31T23:59:59Z', '180f3939393931323331323335393539'],
    ['0000-01-01T00:00:00Z', '180f3030303030313031303030303030'],
    ['0099-06-15T00:00:00Z', '180f3030393930363135303030303030'],
  ])('%s', (iso, hex) => {
    expect(Buffer.from(write.time(new Date(iso))).toString('hex')).toBe(`${hex}5a`);
    expect(read(`${hex}5a`).time('x')).toEqual(new Date(iso));
  });

  test.each([
    '260231000000Z',
    '260431000000Z',
    '250229000000Z',
    '260001000000Z',
    '261301000000Z',
    '260100000000Z',
    '260132000000Z',
    '260101240000Z',
    '260101006000Z',
    '260101000060Z',
    '2601010000Z',
    '260101000000+0000',
    '260101000000',
    '260101000000z',
    '26010100000 Z',
    '2601010000/0Z',
    '26010100000:Z',
    '/90101000000Z',
    ':00101000000Z',
    '9/0101000000Z',
    '',
  ])('UTCTime %j is refused', (text) => {
    expect(refusal(() => utc(text)).offset).toBe(0);
  });

  test.each([
    '20260231000000Z',
    '20260101000000.5Z',
    '20260101000000.0Z',
    '202601010000Z',
    '20260101000000+0000',
    '20260101000000',
    '21000229000000Z',
    '20260101000060Z',
    '260101000000Z',
  ])('GeneralizedTime %j is refused', (text) => {
    expect(refusal(() => generalized(text)).offset).toBe(0);
  });

  test('a moment outside four digits of year is not written', () => {
    expect(() => write.time(new Date(NaN))).toThrow(RangeError);
    expect(() => write.time(new Date(Date.UTC(10_000, 0, 1)))).toThrow(RangeError);
    expect(() => write.generalizedTime(new Date('-000001-01-01T00:00:00Z'))).toThrow(RangeError);
  });
});

describe('character strings', () => {
  const text = (tag: number, hex: string): string =>
    new DerReader(write.element(tag, Buffer.from(hex, 'hex'))).string('x');

  test.each([
    ['UTF8String', Tag.UTF8_STRING, 'c3a9f09f9880', 'é😀'],
    ['UTF8String with NUL', Tag.UTF8_STRING, '610062', 'a\0b'],
    ['UTF8String with a byte order mark', Tag.UTF8_STRING, 'efbbbf61', '\ufeffa'],
    ['PrintableString', Tag.PRINTABLE_STRING, '4127282b2c2d2e2f3a3d3f29', "A'(+,-./:=?)"],
    ['NumericString', Tag.NUMERIC_STRING, '312032', '1 2'],
    ['IA5String', Tag.IA5_STRING, '61407e00', 'a@~\0'],
    ['VisibleString', Tag.VISIBLE_STRING, '207e', ' ~'],
    ['TeletexString', Tag.TELETEX_STRING, '61e9', 'aé'],
    ['BMPString', Tag.BMP_STRING, '00e920ac', 'é€'],
    ['UniversalString', Tag.UNIVERSAL_STRING, '000000e90001f600', 'é😀'],
    ['an empty one', Tag.BMP_STRING, '', ''],
  ])('%s', (_, tag, hex, expected) => {
    expect(text(tag, hex)).toBe(expected);
  });

  test.each([
    ['UTF8String: overlong', Tag.UTF8_STRING, 'c080'],
    ['UTF8String: a surrogate', Tag.UTF8_STRING, 'eda080'],
    ['UTF8String: cut', Tag.UTF8_STRING, 'c3'],
    ['UTF8String: over 10FFFF', Tag.UTF8_STRING, 'f4908080'],
    ['UTF8String: Latin-1', Tag.UTF8_STRING, '61e9'],
    ['PrintableString: @', Tag.PRINTABLE_STRING, '40'],
    ['PrintableString: *', Tag.PRINTABLE_STRING, '2a'],
    ['PrintableString: NUL', Tag.PRINTABLE_STRING, '6100'],
    ['PrintableString: a newline at the end', Tag.PRINTABLE_STRING, '610a'],
    ['NumericString: a letter', Tag.NUMERIC_STRING, '3161'],
    ['IA5String: eight bits', Tag.IA5_STRING, '80'],
    ['VisibleString: a control character', Tag.VISIBLE_STRING, '1f'],
    ['VisibleString: delete', Tag.VISIBLE_STRING, '7f'],
    ['BMPString: a surrogate pair', Tag.BMP_STRING, 'd83dde00'],
    ['BMPString: an odd octet', Tag.BMP_STRING, '00e900'],
    ['UniversalString: a surrogate', Tag.UNIVERSAL_STRING, '0000d800'],
    ['UniversalString: over 10FFFF', Tag.UNIVERSAL_STRING, '00110000'],
    ['UniversalString: half a character', Tag.UNIVERSAL_STRING, '0000'],
  ])('%s is refused', (_, tag, hex) => {
    expect(refusal(() => text(tag, hex)).offset).toBe(0);
  });

  test('an implicit one is read as the type it stands for', () => {
    expect(new DerReader(write.ia5String('a', context(2))).string('x', context(2), Tag.IA5_STRING)).toBe('a');
  });
});
