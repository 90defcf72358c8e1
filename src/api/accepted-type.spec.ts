import { expect, test } from '@jest/globals';
import { prefersType } from './accepted-type.js';

const PEM = 'application/pem-certificate-chain';

test.each<[string | undefined, boolean]>([
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['application/*', false],
  ['application/json', false],
  [PEM, true],
  ['Application/PEM-Certificate-Chain', true],
  [`${PEM};q=0`, false],
  [`${PEM}; q=0.5, application/json`, false],
  [`application/json;q=0.5, ${PEM}`, true],
  [`application/json, ${PEM}`, true],
  [`${PEM}, */*`, true],
  [`${PEM};q=0.1, */*;q=0.2`, false],
  ['application/json;q=0, */*', true],
  ['application/json;q=0.1, application/*;q=0.9', true],
  [`${PEM}-of-another-kind`, false],
  [`text/html;${PEM}`, false],
  [`${PEM};q=2`, false],
  [`${PEM};charset=utf-8;Q=1.000`, true],
  [',;,', false],
])('Accept: %s', (accept, expected) => {
  expect(prefersType(accept, PEM, 'application/json')).toBe(expected);
});
