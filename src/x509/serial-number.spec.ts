import { expect, test } from '@jest/globals';
import { serialNumberFromString } from './serial-number.js';

test.each([
  ['0A:1B:2C', '0a1b2c'],
  ['0x0a1b2c', '0a1b2c'],
  ['00000a1b2c', '0a1b2c'],
  ['a1b', '0a1b'],
  ['0', '00'],
  ['f'.repeat(40), 'f'.repeat(40)],
  ['00' + 'f'.repeat(40), 'f'.repeat(40)],
])('%s', (text, serialNumber) => {
  expect(serialNumberFromString(text)).toBe(serialNumber);
});

test.each(['', 'g', 'f'.repeat(41), '-1', 'a b', ':', '0x'])('%j is none', (text) => {
  expect(serialNumberFromString(text)).toBeUndefined();
});
