import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CompiledWorker, Workers } from '../support/kill-rig/process.js';
import { killAtRandom, killAtSteps, newSeed, randomFrom } from '../support/kill-rig/rig.js';
import { describeOnEachStore } from '../support/postgres.js';

/* A sample of test/interop/kills.spec.ts. KILL_SEED repeats it. */

const seed = newSeed();
let compiled: CompiledWorker;
let workers: Workers;
beforeAll(() => {
  compiled = new CompiledWorker();
  workers = new Workers(compiled.file);
});
afterAll(async () => {
  await workers.end();
  compiled.remove();
});

describeOnEachStore(`a process that is killed (KILL_SEED=${seed})`, (kind) => {
  test('amid its work, has done what it acknowledged; the next one goes on', async () => {
    const random = randomFrom(seed);
    const atRandom = await killAtRandom(workers, { operation: 'crl', kind, kills: 3, random });
    expect(atRandom.kills).toBe(3);
    const atSteps = await killAtSteps(workers, { operation: 'crl', kind, every: 16, random });
    expect(atSteps.kills).toBeGreaterThan(1);
  }, 60_000);
});
