import { expect, it } from '@jest/globals';
import type { KeyParameters } from '../public-key.js';
import { WorkBudget, WorkLimitReached } from './work-budget.js';

it.each<[KeyParameters, number]>([
  [{ type: 'ec', curve: 'P-256' }, 1],
  [{ type: 'ec', curve: 'P-384' }, 6],
  [{ type: 'ec', curve: 'P-521' }, 16],
  [{ type: 'ed25519' }, 2],
  [{ type: 'rsa', bits: 2048, exponent: 65537n }, 1],
  [{ type: 'rsa', bits: 8192, exponent: 65537n }, 4],
  [{ type: 'rsa', bits: 16384, exponent: (1n << 63n) + 1n }, 256],
  // One of more than 64 bits, which OpenSSL takes up to 3072: 26 ms.
  [{ type: 'rsa', bits: 3072, exponent: 0n }, 256],
  [{ type: 'other', oid: '1.2.3' }, 0],
])('charges for a signature by %p: %d', (key, cost) => {
  const work = new WorkBudget();
  work.signature(key);
  expect(work.spent).toEqual({ signatures: cost, steps: 0 });
});

it('throws when it is used up', () => {
  const work = new WorkBudget();
  expect(() => {
    for (let i = 0; i < 1000; i++) work.signature({ type: 'ec', curve: 'P-256' });
  }).toThrow(WorkLimitReached);
  expect(() => {
    work.step(1_000_000);
  }).toThrow(WorkLimitReached);
});
