import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isIPv6, SocketAddress } from 'node:net';
import { context, contextConstructed, DecodeError, DerReader, Tag, write } from '../der/index.js';
import {
  decodeGeneralName,
  decodeGeneralNames,
  encodeGeneralName,
  generalNameFromString,
  generalNameToString,
  ipFromString,
  ipToString,
  isSubtreeWithin,
  subtreeFromString,
  type GeneralName,
} from './general-name.js';
import { nameFrom } from './name.js';

const decode = (der: Uint8Array): GeneralName => decodeGeneralName(new DerReader(der), 'name');

const everyKind: readonly (readonly [GeneralName, string])[] = [
  [{ kind: 'dns', value: 'localhost' }, 'DNS:localhost'],
  [{ kind: 'email', value: 'a@b.example' }, 'email:a@b.example'],
  [{ kind: 'uri', value: 'spiffe://example.com/x' }, 'URI:spiffe://example.com/x'],
  [{ kind: 'ip', value: Buffer.of(127, 0, 0, 1) }, 'IP:127.0.0.1'],
  [{ kind: 'ip', value: Buffer.alloc(16) }, 'IP:::'],
  [{ kind: 'registeredId', value: '2.999' }, 'RID:2.999'],
  [{ kind: 'other', type: '1.2.3', value: Buffer.from('0c0161', 'hex') }, 'otherName:1.2.3'],
  [{ kind: 'x400', value: Buffer.from('3000', 'hex') }, 'X400Name'],
  [{ kind: 'ediParty', value: Buffer.from('a1030c0161', 'hex') }, 'EdiPartyName'],
];

test.each(everyKind)('%j is written and read', (name, text) => {
  expect(decode(encodeGeneralName(name))).toEqual(name);
  expect(generalNameToString(name)).toBe(text);
});

test('a directory name', () => {
  const value = nameFrom({ organization: 'X', commonName: 'a,b' });
  const read = decode(encodeGeneralName({ kind: 'directory', value }));
  expect(read.kind === 'directory' && read.value.key).toBe(value.key);
  expect(generalNameToString(read)).toBe('DirName:CN=a\\,b,O=X');
});

describe('refused', () => {
  test.each([
    ['no known kind', write.element(context(9)), 'no known kind'],
    ['a primitive directoryName', write.element(context(4)), 'no known kind'],
    ['a NUL', write.ia5String('admin\0.example', context(2)), 'control characters'],
    ['a newline', write.ia5String('a\nb', context(6)), 'control characters'],
    ['eight bits', write.element(context(1), Buffer.of(0xe9)), 'string type'],
    ['an address of five octets', write.octetString(Buffer.alloc(5), context(7)), '5 octets'],
    ['an address with a mask', write.octetString(Buffer.alloc(8), context(7)), '8 octets'],
    ['an otherName without a value', write.element(contextConstructed(0), write.oid('1.2.3')), 'missing'],
    [
      'two values in an otherName',
      write.element(
        contextConstructed(0),
        write.oid('1.2.3'),
        write.explicit(0, write.nullElement(), write.nullElement()),
      ),
      'trailing octets',
    ],
    ['an x400Address that is no DER', write.element(contextConstructed(3), Buffer.of(0x30, 0x80)), 'indefinite'],
  ])('%s', (_, der, problem) => {
    expect(() => decode(der)).toThrow(DecodeError);
    expect(() => decode(der)).toThrow(problem);
  });

  test('no names, and too many', () => {
    const names = (count: number): DerReader =>
      new DerReader(write.sequence(Buffer.concat(Array<Uint8Array>(count).fill(write.ia5String('a', context(2))))));
    expect(() => decodeGeneralNames(names(0), 'x', Tag.SEQUENCE)).toThrow('x is empty');
    expect(decodeGeneralNames(names(4096), 'x', Tag.SEQUENCE)).toHaveLength(4096);
    expect(() => decodeGeneralNames(names(4097), 'x', Tag.SEQUENCE)).toThrow('more than 4096');
  });

  test('text that does not fit is not written', () => {
    expect(() => encodeGeneralName({ kind: 'dns', value: 'bücher.example' })).toThrow(RangeError);
  });
});

describe('addresses', () => {
  const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
  // Zero groups are what RFC 5952 is about: make them frequent.
  const v6 = fc
    .array(fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    })
    .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

  test('text and octets', () => {
    fc.assert(
      fc.property(fc.oneof(v4, v6), (octets) => {
        expect(ipFromString(ipToString(octets))).toEqual(octets);
      }),
    );
  });

  test('IPv6 text is what the platform makes of it', () => {
    fc.assert(
      fc.property(v6, (octets) => {
        const text = ipToString(octets);
        expect(isIPv6(text)).toBe(true);
        // inet_ntop writes the last four octets of a mapped address in decimal.
        const platform = new SocketAddress({ address: text, family: 'ipv6' }).address;
        if (!platform.includes('.')) expect(text).toBe(platform);
      }),
    );
  });

  test.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['2001:DB8::A', '2001:db8::a'],
    ['::', '::'],
    ['1:2:3::5:6:7:8', '1:2:3:0:5:6:7:8'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ])('%s is %s (RFC 5952 §4)', (written, canonical) => {
    const octets = ipFromString(written);
    expect(octets && ipToString(octets)).toBe(canonical);
  });

  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.-4',
    '1.2.3.4 ',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    ':1::2',
    '1::2:',
    '::1%eth0',
    'localhost',
  ])('%j is none', (text) => {
    expect(ipFromString(text)).toBeUndefined();
  });

  test('octets of another length are shown in hexadecimal', () => {
    expect(ipToString(Buffer.of(10, 0, 0, 0, 255, 0, 0, 0))).toBe('0a000000ff000000');
  });
});

test.each(['DNS:worker.local', 'IP:10.0.0.7', 'IP:fd00::7', 'URI:spiffe://example.org/worker'])(
  '%s is read and written',
  (text) => {
    const name = generalNameFromString(text);
    expect(name && generalNameToString(name)).toBe(text);
  },
);

test.each(['', 'DNS:', 'worker.local', 'dns:worker.local', 'email:a@b', 'IP:300.1.1.1', ' DNS:a'])(
  '%j is no name as it is written here',
  (text) => {
    expect(generalNameFromString(text)).toBeUndefined();
  },
);

test.each([
  ['DNS:a.example', 'DNS:example', true],
  ['DNS:example', 'DNS:example', true],
  ['DNS:example', 'DNS:a.example', false],
  ['DNS:bexample', 'DNS:example', false],
  ['DNS:a.example', 'URI:.example', false],
  ['DNS:a.example', 'URI:example', false],
  ['URI:a.example', 'DNS:example', false],
  ['URI:a.example', 'URI:.example', true],
  ['URI:.a.example', 'URI:.example', true],
  ['URI:example', 'URI:.example', false],
  ['URI:a.example', 'URI:example', false],
  ['IP:10.1.2.3/16', 'IP:10.0.0.0/8', true],
  ['IP:10.0.0.0/8', 'IP:0.0.0.0/0', true],
  ['IP:10.0.0.0/8', 'IP:10.0.0.0/9', false],
  ['IP:11.0.0.0/8', 'IP:10.0.0.0/8', false],
  ['IP:2001:db8::/32', 'IP:::/0', true],
  ['IP:10.0.0.0/8', 'IP:::/0', false],
])('whether every name in %s is in %s: %s', (inner, outer, expected) => {
  expect(isSubtreeWithin(subtreeFromString(inner)!, subtreeFromString(outer)!)).toBe(expected);
});
