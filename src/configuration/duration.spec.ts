import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatDuration, parseDuration, type DurationUnit } from './duration.js';

const units: readonly DurationUnit[] = ['ms', 's', 'd'];
const inMilliseconds = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

describe('a duration', () => {
  test.each([
    ['24h', 's', 86_400],
    ['30d', 'd', 30],
    ['48h', 'd', 2],
    ['15m', 'ms', 900_000],
    ['10s', 'ms', 10_000],
    ['500ms', 'ms', 500],
    ['2000ms', 's', 2],
    ['0', 's', 0],
    ['45', 's', 45],
    ['45', 'ms', 45],
  ] as const)('%s is read in %s as %d', (text, unit, value) => {
    expect(parseDuration(text, unit)).toBe(value);
  });

  test.each([
    ['', 's'],
    ['s', 's'],
    ['-1s', 's'],
    ['+1s', 's'],
    ['1.5h', 's'],
    ['1h30m', 's'],
    [' 1s', 's'],
    ['1 s', 's'],
    ['1s\n', 's'],
    ['1S', 's'],
    ['1w', 's'],
    ['1e3', 's'],
    ['0x10', 's'],
    ['500ms', 's'],
    ['12h', 'd'],
    ['999999999999999d', 'ms'],
    ['1constructor', 's'],
  ] as const)('%j is not read in %s', (text, unit) => {
    expect(parseDuration(text, unit)).toBeUndefined();
  });

  test.each([
    [0, 'ms', '0ms'],
    [0, 'd', '0d'],
    [1_500, 'ms', '1500ms'],
    [86_400, 's', '1d'],
    [90_000, 's', '25h'],
    [7_260, 's', '121m'],
    [30, 'd', '30d'],
  ] as const)('%d %s is written as %s', (value, unit, text) => {
    expect(formatDuration(value, unit)).toBe(text);
  });

  test('is read back as it was written, in every unit', () => {
    fc.assert(
      fc.property(fc.constantFrom(...units), fc.nat(100_000_000), (unit, value) => {
        expect(parseDuration(formatDuration(value, unit), unit)).toBe(value);
      }),
    );
  });

  test('counts the same whichever suffix it is written with, or is refused where it is not whole', () => {
    const suffixes = fc.constantFrom('ms', 's', 'm', 'h', 'd');
    fc.assert(
      fc.property(fc.constantFrom(...units), suffixes, fc.nat(1_000_000), (unit, suffix, count) => {
        const exact = (count * inMilliseconds[suffix]) / inMilliseconds[unit];
        expect(parseDuration(`${count}${suffix}`, unit)).toBe(Number.isInteger(exact) ? exact : undefined);
      }),
    );
  });

  test('never becomes anything but a whole number that is safe', () => {
    fc.assert(
      fc.property(fc.constantFrom(...units), fc.stringMatching(/^[0-9]{0,16}[a-z]{0,2}$/), (unit, text) => {
        const value = parseDuration(text, unit);
        expect(value === undefined || (Number.isSafeInteger(value) && value >= 0)).toBe(true);
      }),
    );
  });
});
