import { randomInt } from 'node:crypto';
import type { startLoadMaker } from './load-maker.js';
import type { Round } from './load.js';
import { reportRounds, say } from './report.js';
import type { Subject } from './subject.js';

/** What is measured, and how. */
export interface Plan {
  /** Starts the subjects. */
  readonly start: () => Promise<readonly Subject[]>;
  readonly load: ReturnType<typeof startLoadMaker>;
  readonly round: Omit<Round, 'port'>;
}

// One process of a program was seen to be several per cent quicker than the next, for all its life.
const PROCESSES = 5;
const ROUNDS = 10;
// What runs for the first seconds is V8's interpreter.
const WARM_UP_MS = 2_000;

/**
 * Measures every subject once a round, each time in another order by chance: who comes first, or after whom, was seen to be worth several
 * per cent. After some rounds all of them are started anew. Reports rates by the wall clock and by the server's own CPU time, and the p99, each of ours
 * beside all that stand behind it. Gives the rates by CPU time, of each subject in the order of the rounds.
 */
export async function alternate(
  bench: string,
  what: string,
  { start, load, round }: Plan,
): Promise<Readonly<Record<string, readonly number[]>>> {
  say(
    `${bench}: ${what} for GET ${round.path}, ${round.connections} at once, medians of ${ROUNDS} rounds of ${round.milliseconds} ms in each of ${PROCESSES} processes, lowest and highest`,
  );
  const perSecond: Record<string, number[]> = {};
  const perCpuSecond: Record<string, number[]> = {};
  const p99: Record<string, number[]> = {};
  let names: readonly string[] = [];
  for (let process = 0; process < PROCESSES; process++) {
    const subjects = await start();
    names = subjects.map(({ name }) => name);
    for (const subject of subjects)
      for (const kind of new Set(['requests', round.kind] as const))
        await load.measure(subject, { ...round, kind, milliseconds: WARM_UP_MS });
    for (let count = 0; count < ROUNDS; count++) {
      for (const subject of shuffled(subjects)) {
        const measured = await load.measure(subject, round);
        (perSecond[subject.name] ??= []).push(measured.perSecond);
        (perCpuSecond[subject.name] ??= []).push(measured.perCpuSecond);
        (p99[subject.name] ??= []).push(measured.p99);
      }
    }
    await Promise.all(subjects.map((subject) => subject.stop()));
  }
  const ours = names.filter((name) => !name.startsWith('bare '));
  const baselines = Object.fromEntries(ours.map((name) => [name, names.slice(names.indexOf(name) + 1)]));
  reportRounds(bench, `${what} per second`, '1/s', perSecond, baselines);
  reportRounds(bench, `${what} per CPU second`, '1/s', perCpuSecond, baselines);
  reportRounds(bench, 'p99', 'ms', p99, {});
  return perCpuSecond;
}

function shuffled<T>(items: readonly T[]): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T];
  }
  return mixed;
}
