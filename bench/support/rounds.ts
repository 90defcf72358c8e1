import { randomInt } from 'node:crypto';
import type { Measured } from './load-maker.js';
import { reportRounds } from './report.js';
import type { Subject } from './subject.js';

/**
 * Measures every subject once a round, each time in another order by chance: who comes first, or after whom, was seen to be worth several
 * per cent. Reports rates by the wall clock and by the server's own CPU time, and the p99, each of ours beside all that stand
 * behind it. Gives the rates by CPU time, of each subject in the order of the rounds.
 */
export async function alternate(
  bench: string,
  what: string,
  rounds: number,
  subjects: readonly Subject[],
  measure: (subject: Subject) => Promise<Measured>,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const perSecond: Record<string, number[]> = {};
  const perCpuSecond: Record<string, number[]> = {};
  const p99: Record<string, number[]> = {};
  for (const subject of subjects) await measure(subject);
  for (let round = 0; round < rounds; round++) {
    for (const subject of shuffled(subjects)) {
      const measured = await measure(subject);
      (perSecond[subject.name] ??= []).push(measured.perSecond);
      (perCpuSecond[subject.name] ??= []).push(measured.perCpuSecond);
      (p99[subject.name] ??= []).push(measured.p99);
    }
  }
  const names = subjects.map(({ name }) => name);
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
