import { expect, test } from '@jest/globals';
import { nearMiss } from './near-miss.js';

const keys = ['host', 'port', 'minVersion', 'maxVersion', 'sessionTimeout'];

test.each([
  ['hots', 'host'],
  ['prt', 'port'],
  ['Port', 'port'],
  ['min_version', 'minVersion'],
  ['MINVERSION', 'minVersion'],
  ['minVerson', 'minVersion'],
  ['sesionTimeouts', 'sessionTimeout'],
  ['x', undefined],
  ['', undefined],
  ['passphrase', undefined],
  ['minVersion'.repeat(11), undefined],
])('%s means %s', (written, meant) => {
  expect(nearMiss(written, keys)).toBe(meant);
});
