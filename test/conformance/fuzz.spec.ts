import { expect, test } from '@jest/globals';
import { hash } from 'node:crypto';
import { fuzz } from '../support/fuzz.js';
import { mutate, operations, seededRandom } from '../support/mutate.js';

const COUNT = 8000;
const SLOW_MS = 200;

test('mutated certificates, requests, CRLs, PEM and OCSP end in typed errors, quickly', () => {
  const seed = Number(process.env.VERITAS_FUZZ_SEED ?? Date.now() % 0x1_0000_0000);
  const report = fuzz(seed, COUNT);
  process.stdout.write(
    `fuzz: seed ${seed}, ${COUNT} inputs, ${JSON.stringify(report.outcomes)}, slowest ${report.slowest.ms.toFixed(1)} ms\n`,
  );
  expect(report.failures).toEqual([]);
  expect(report.slowest.ms).toBeLessThan(SLOW_MS);
  // A mutator that broke everything, or nothing, would prove nothing.
  expect(report.outcomes.DecodeError).toBeGreaterThan(COUNT / 3);
  expect(report.outcomes.accepted).toBeGreaterThan(COUNT / 50);
  expect(report.outcomes.ProofOfPossessionError).toBeGreaterThan(COUNT / 100);
});

test('a seed determines the mutations', () => {
  const sample = Buffer.from('300d06092a864886f70d01010b0500', 'hex');
  const run = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 200 }, () => {
      const { operation, octets } = mutate(sample, sample, random);
      return { operation, digest: hash('sha256', octets) };
    });
  };
  expect(run(7)).toEqual(run(7));
  expect(run(7)).not.toEqual(run(8));
  expect(new Set(run(7).map(({ operation }) => operation))).toEqual(new Set(operations));
});
