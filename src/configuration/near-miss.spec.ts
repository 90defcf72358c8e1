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
  // A change in three letters is a slip, a second one in fewer than six another word.
  ['pord', 'port'],
  ['poxy', undefined],
  ['x', undefined],
  ['', undefined],
  ['passphrase', undefined],
  ['minVersion'.repeat(11), undefined],
])('%s means %s', (written, meant) => {
  expect(nearMiss(written, keys)).toBe(meant);
});
