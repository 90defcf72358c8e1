import { expect, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { anyOperation, Operations } from '../support/operations.js';
import { describeOnEachStore } from '../support/postgres.js';

const seed = Number(process.env.FC_SEED ?? randomInt(0x7fff_ffff));
const runs = Number(process.env.FC_RUNS ?? 1);
const steps = process.env.FC_RUNS === undefined ? 25 : 40;

describeOnEachStore(`years of an operator's work at random, with seed ${seed}`, (kind, newPlace) => {
  const numRuns = kind === 'SQLite' ? runs : Math.ceil(runs / 3);

  it('lose nothing that was acknowledged, use no number twice, and a refused step changes nothing', async () => {
    let checks = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyOperation(), { minLength: steps, maxLength: steps }), async (operations) => {
        const ca = await Operations.open(newPlace);
        try {
          for (const operation of operations) {
            await ca.run(operation);
            await ca.check();
            checks++;
          }
        } finally {
          await ca.close();
        }
      }),
      { seed, numRuns, endOnFailure: true },
    );
    expect(checks).toBe(steps * numRuns);
  }, 300_000);
});
