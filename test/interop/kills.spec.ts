import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OPERATIONS, type OperationName } from '../support/kill-rig/operations.js';
import { CompiledWorker, Workers } from '../support/kill-rig/process.js';
import { killAtRandom, killAtSteps, newSeed, randomFrom, type Tally } from '../support/kill-rig/rig.js';
import { clusterPlace } from '../support/postgres-cluster.js';
import type { StoreKind } from '../support/postgres.js';

/*
 * Processes that are killed by SIGKILL while they issue, revoke, sign lists, back up, replace their CAs, bring their schema forward, start for the first
 * time, carry out commands, and serve an administrator and a renewing daemon; the next one has to find everything that was acknowledged. KILL_SEED
 * repeats a run. KILL_EVERY=1 kills before each single step of everything; without it, of what has hundreds of them, before each eighth, twelfth,
 * twenty-fourth or fortieth.
 */

/** On each store; with both of them, 310. */
const KILLS: Readonly<Record<OperationName, number>> = {
  issue: 26,
  revoke: 26,
  crl: 26,
  backup: 26,
  rollover: 14,
  migration: 12,
  start: 6,
  command: 14,
  service: 5,
};
const EVERY: Readonly<Partial<Record<OperationName, number>>> = {
  migration: 8,
  rollover: 12,
  start: 12,
  command: 24,
  service: 40,
};
/** Each single step of a rollover is some hundred processes on each store. */
const LONGEST_MS = process.env.KILL_EVERY === undefined ? 900_000 : 7_200_000;
const kinds: readonly StoreKind[] = clusterPlace() ? ['SQLite', 'PostgreSQL'] : ['SQLite'];
const operations = Object.keys(OPERATIONS) as OperationName[];
const seed = newSeed();
let compiled: CompiledWorker;
let workers: Readonly<Record<StoreKind, Workers>>;

beforeAll(() => {
  process.stderr.write(`Processes that are killed by SIGKILL (KILL_SEED=${seed}):\n`);
  compiled = new CompiledWorker();
  workers = { SQLite: new Workers(compiled.file), PostgreSQL: new Workers(compiled.file) };
});
afterAll(async () => {
  for (const kind of kinds) await workers[kind].end();
  compiled.remove();
});

/** On both stores beside each other. */
async function onEachStore(how: string, kill: (kind: StoreKind) => Promise<Tally>): Promise<void> {
  for (const { operation, kind, kills, acknowledged } of await Promise.all(kinds.map(kill))) {
    expect(kills).toBeGreaterThan(0);
    const columns = [operation.padEnd(9), kind.padEnd(10), how.padEnd(17), `${String(kills).padStart(4)} kills`];
    process.stderr.write(`  ${columns.join('  ')}  ${acknowledged} acknowledged\n`);
  }
}

test.each(operations)(
  '%s, killed before its first step, its second, and so on',
  async (operation) => {
    const every = Number(process.env.KILL_EVERY ?? EVERY[operation] ?? 1);
    const how = every === 1 ? 'before each step' : `each ${every}th step`;
    await onEachStore(how, (kind) => killAtSteps(workers[kind], { operation, kind, every, random: randomFrom(seed) }));
  },
  LONGEST_MS,
);

test.each(operations)(
  '%s, killed at random moments',
  async (operation) => {
    const kills = KILLS[operation];
    await onEachStore('at random', (kind) =>
      killAtRandom(workers[kind], { operation, kind, kills, random: randomFrom(seed) }),
    );
  },
  120_000,
);
