import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { computingTime } from '../../test/support/computing-time.js';
import { DecodeError } from '../der/index.js';
import { decodePem, encodePem, MAX_PEM_OCTETS, octetsFromPemOrDer } from './pem.js';

const offsetOf = (run: () => unknown): number => {
  try {
    run();
  } catch (error) {
    if (error instanceof DecodeError) return error.offset;
  }
  return -1;
};

test('what is written is read back', () => {
  const blocks = fc.array(
    fc.record({
      label: fc.constantFrom('CERTIFICATE', 'X509 CRL', 'CERTIFICATE REQUEST', 'PRIVATE KEY'),
      octets: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    }),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(blocks, fc.constantFrom('\n', '\r\n'), (expected, newline) => {
      const text = expected
        .map(({ label, octets }) => encodePem(label, octets))
        .join('')
        .replaceAll('\n', newline);
      expect(decodePem(text).map(({ label, octets }) => [label, [...octets]])).toEqual(
        expected.map(({ label, octets }) => [label, [...octets]]),
      );
      expect(decodePem(Buffer.from(text))).toEqual(decodePem(text));
    }),
  );
});

test('a byte order mark before it, as editors write it, is passed over', () => {
  const text = `\ufeff${encodePem('X', Buffer.alloc(49))}`;
  for (const each of [text, Buffer.from(text)]) expect(decodePem(each)).toHaveLength(1);
});

test('lines of 64 characters', () => {
  expect(encodePem('X', Buffer.alloc(49))).toBe(`-----BEGIN X-----\n${'A'.repeat(64)}\nAA==\n-----END X-----\n`);
});

test('text around the blocks, blank lines and indentation do not matter', () => {
  const text =
    'subject=/CN=a\n  -----BEGIN A-----  \n\n  AQ==\t\n-----END A-----\nissuer: b\n-----BEGIN B-----\nAg==\n-----END B-----';
  expect(decodePem(text)).toEqual([
    { label: 'A', octets: Buffer.of(1) },
    { label: 'B', octets: Buffer.of(2) },
  ]);
  expect(decodePem('')).toEqual([]);
  expect(decodePem('nothing here\n')).toEqual([]);
});

describe('refused', () => {
  test.each([
    ['no end', '-----BEGIN A-----\nAQ==\n', 0],
    ['no end before the next', 'x\n-----BEGIN A-----\nAQ==\n-----BEGIN B-----\n', 2],
    ['another label at the end', '-----BEGIN A-----\nAQ==\n-----END B-----\n', 23],
    ['an end without a beginning', 'x\n-----END A-----\n', 2],
    ['a label in lower case', '-----BEGIN a-----\nAQ==\n', 0],
    ['four dashes at the end', '-----BEGIN A----\nAQ==\n', 0],
    ['bits behind the padding', '-----BEGIN A-----\nAR==\n-----END A-----\n', 0],
    ['missing padding', '-----BEGIN A-----\nAQ\n-----END A-----\n', 0],
    ['padding in the middle', '-----BEGIN A-----\nAQ==\nAQ==\n-----END A-----\n', 0],
    ['nothing inside', '-----BEGIN A-----\n-----END A-----\n', 0],
    ['base64url', '-----BEGIN A-----\n_-8=\n-----END A-----\n', 18],
    ['a space in a line', '-----BEGIN A-----\nAQ ==\n-----END A-----\n', 18],
    ['headers', '-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAQ==\n-----END A-----\n', 18],
    ['NUL', '-----BEGIN A-----\nA\0==\n-----END A-----\n', 18],
  ])('%s', (_, text, offset) => {
    expect(offsetOf(() => decodePem(text))).toBe(offset);
  });

  test('too much, before it is looked at', () => {
    expect(() => decodePem('x'.repeat(MAX_PEM_OCTETS + 1))).toThrow('over the limit');
    expect(() => decodePem('xxxx', 3)).toThrow('PEM of 4 characters is over the limit of 3');
    expect(decodePem('xxx', 3)).toEqual([]);
  });

  test('four million characters on one line end soon', () => {
    const took = computingTime(() => {
      decodePem('-----BEGIN'.slice(1) + ' A'.repeat(2_000_000));
      expect(offsetOf(() => decodePem(`-----BEGIN ${'A '.repeat(2_000_000)}`))).toBe(0);
      expect(offsetOf(() => decodePem(`-----BEGIN ${'A'.repeat(4_000_000)}`))).toBe(0);
    });
    expect(took).toBeLessThan(1000);
  });
});

describe('PEM or DER', () => {
  test('DER is taken as it is', () => {
    const der = Buffer.from('3003020101', 'hex');
    expect(octetsFromPemOrDer(der, 'CERTIFICATE')).toEqual([der]);
  });

  test('of PEM, the blocks with the label', () => {
    const text = encodePem('A', Buffer.of(1)) + encodePem('B', Buffer.of(2)) + encodePem('A', Buffer.of(3));
    expect(octetsFromPemOrDer(text, 'A')).toEqual([Buffer.of(1), Buffer.of(3)]);
    expect(octetsFromPemOrDer(Buffer.from(text), 'B')).toEqual([Buffer.of(2)]);
    expect(() => octetsFromPemOrDer(text, 'C')).toThrow('no PEM block C');
  });

  test('text that begins with a zero is not DER', () => {
    const text = `0 s:CN = a\n${encodePem('A', Buffer.of(1))}`;
    expect(octetsFromPemOrDer(Buffer.from(text), 'A')).toEqual([Buffer.of(1)]);
  });
});
