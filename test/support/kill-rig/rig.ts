import { randomInt } from 'node:crypto';
import type { CertificationAuthority } from '../../../src/pki/index.js';
import type { StoreKind } from '../postgres.js';
import { checkAfterKill } from './checks.js';
import { issue, OPERATIONS, type Acknowledged, type Operation, type OperationName } from './operations.js';
import {
  copyOf,
  earlierVersions,
  emptyPlace,
  placeOfEarlierVersion,
  placeWithAuthority,
  quickenKeys,
  type Place,
} from './place.js';
import type { Workers } from './process.js';

/** What was killed how often, and how much had been acknowledged until then. */
export interface Tally {
  readonly operation: OperationName;
  readonly kind: StoreKind;
  readonly kills: number;
  readonly acknowledged: number;
}

interface Killing {
  readonly operation: OperationName;
  readonly kind: StoreKind;
}

/** `KILL_SEED`, or a new one. */
export const newSeed = (): number => Number(process.env.KILL_SEED ?? randomInt(2 ** 31));

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function placeFor({ on }: Operation, kind: StoreKind, turn: number): Promise<Place> {
  if (on === 'nothing') return emptyPlace(kind);
  if (on === 'earlier version') return placeOfEarlierVersion(kind, turn);
  return placeWithAuthority(kind, async (authority) => {
    if (on === 'certificate') await issue(authority, () => undefined);
  });
}

/** Whether what one kill leaves is what the next one begins with. */
const isCarriedOn = ({ goOn, on }: Operation): boolean => goOn !== undefined && on !== 'nothing';

const goOnFrom = ({ goOn }: Operation, turn: number, place: Place) =>
  goOn && ((authority: CertificationAuthority) => goOn(authority, turn, place));

/** Kills `operation` so many times, each time at a random moment. A CA that was left behind is what the next one works on. */
export async function killAtRandom(
  workers: Workers,
  { operation, kind, kills, random }: Killing & { readonly kills: number; readonly random: () => number },
): Promise<Tally> {
  const what: Operation = OPERATIONS[operation];
  const goesOn = isCarriedOn(what);
  let told: Acknowledged[] = [];
  let acknowledged = 0;
  let turn = 0;
  let place = await placeFor(what, kind, turn);
  for (let kill = 0; kill < kills; kill++) {
    await what.before?.(place, turn);
    const { store, settings } = place;
    const worker = await workers.next();
    const job = { operation, store, settings, from: turn, killAt: 0, times: goesOn ? undefined : 1 };
    // Some while it begins, most amid what follows.
    const when = { amidWork: goesOn && random() < 0.75, milliseconds: random() * what.span };
    const ended = await worker.runFor(job, when);
    acknowledged += ended.acknowledged.length;
    told.push(...ended.acknowledged);
    turn += goesOn
      ? ended.acknowledged.filter((each) => each.kind === 'rollover' || each.kind === 'command').length
      : 1;
    await checkAfterKill(place, told, goOnFrom(what, turn, place));
    if (goesOn) continue;
    await place.remove();
    place = await placeFor(what, kind, turn);
    told = [];
  }
  await place.remove();
  return { operation, kind, kills, acknowledged };
}

/**
 * Kills each turn of `operation` before its first step, before its second, and so on until it comes to its end, each time on a copy of the same CA.
 * `every`: before each so many-th step only, the first one chosen by `random`.
 */
export async function killAtSteps(
  workers: Workers,
  { operation, kind, every, random }: Killing & { readonly every: number; readonly random: () => number },
): Promise<Tally> {
  const what: Operation = OPERATIONS[operation];
  let [kills, acknowledged] = [0, 0];
  const turns = what.on === 'earlier version' ? earlierVersions.length : (what.turns ?? 1);
  let place = await placeFor(what, kind, 0);
  for (let turn = 0; turn < turns; turn++) {
    for (let killed = true, step = 1 + Math.floor(random() * every); killed; step += every) {
      const copy = await copyOf(place);
      await what.before?.(copy, turn);
      const { store, settings } = copy;
      const worker = await workers.next();
      const ended = await worker.runTo({ operation, store, settings, from: turn, killAt: step, times: 1 });
      ({ killed } = ended);
      acknowledged += ended.acknowledged.length;
      if (killed) kills++;
      // What is not killed is where the next turn begins.
      if (killed) await checkAfterKill(copy, ended.acknowledged, goOnFrom(what, turn, copy));
      await (killed ? copy : place).remove();
      if (!killed) place = isCarriedOn(what) ? copy : await placeFor(what, kind, turn + 1);
      if (!killed && isCarriedOn(what)) await quickenKeys(place);
    }
  }
  await place.remove();
  return { operation, kind, kills, acknowledged };
}
