import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SimulatedTime } from '../../../test/support/simulated-time.js';
import { generateTestKeyPair, TestCa } from '../../testing/index.js';
import type { Certificate } from '../../x509/index.js';
import { RenewalAgent, RenewalError, type RenewalAgentOptions, type RenewalEvent } from '../index.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ca = TestCa.root();
const keyPair = generateTestKeyPair();

/** An agent for certificates of so many hours, and what it did. `fails` says why a renewal does not succeed now. */
function agentFor(
  hours: number,
  options: Partial<RenewalAgentOptions> & { readonly fails?: () => Error | undefined } = {},
) {
  const time = new SimulatedTime(Date.parse('2026-12-01T00:00:00Z'));
  const begin = time.now().getTime();
  const hour = (): number => (time.now().getTime() - begin) / HOUR;
  const issue = (): Certificate =>
    ca.issue({ keyPair, notBefore: time.now(), notAfter: new Date(time.now().getTime() + hours * HOUR) }).certificate;
  const state = { certificate: issue() as Certificate | undefined };
  const events: (RenewalEvent & { readonly hour: number })[] = [];
  const { fails = () => undefined, ...own } = options;
  let attempts = 0;
  const agent = new RenewalAgent({
    current: () => state.certificate,
    renew: () => {
      attempts++;
      const error = fails();
      if (error) return Promise.reject(error);
      state.certificate = issue();
      return Promise.resolve(state.certificate);
    },
    report: (event) => events.push({ ...event, hour: hour() }),
    clock: time.now,
    timer: time.timer,
    ...own,
  });
  return { agent, time, events, state, issue, hour, attempts: () => attempts };
}

const away = (): Error => new RenewalError('unusable', 'nobody there');

describe('the time of renewal', () => {
  test.each([
    [0, 16],
    [1, 14],
    [0.5, 15],
  ])('a random %d of a twelfth before two thirds: hour %d of 24', async (random, hour) => {
    const { agent, time, events } = agentFor(24, { random: () => random });
    await agent.start();
    expect(agent.renewalTime).toEqual(new Date(Date.parse('2026-12-01T00:00:00Z') + hour * HOUR));
    await time.pass(3 * 24 * HOUR);
    const hours = events.map((event) => event.hour);
    expect(hours).toEqual(hours.map((_, index) => expect.closeTo((index + 1) * hour, 3)));
    expect(events.every(({ kind }) => kind === 'renewed')).toBe(true);
  });

  test('comes again and again though `report` throws, after a renewal and after a failure', async () => {
    let isAway = false;
    let told = 0;
    const { agent, time, state, attempts } = agentFor(24, {
      random: () => 0,
      fails: () => (isAway ? away() : undefined),
      report: () => {
        told++;
        throw new Error('a report that fails');
      },
    });
    await agent.start();
    await time.pass(17 * HOUR);
    expect([attempts(), told]).toEqual([1, 1]);
    isAway = true;
    await time.pass(18 * HOUR);
    const { certificate } = state;
    expect(attempts()).toBeGreaterThan(5);
    isAway = false;
    await time.pass(HOUR);
    expect(state.certificate).not.toBe(certificate);
  });

  test('at another share, when asked for', async () => {
    const { agent, time, events } = agentFor(24, { at: 0.5, random: () => 0 });
    await agent.start();
    await time.pass(13 * HOUR);
    expect(events.map((event) => event.hour)).toEqual([12]);
  });

  test('is the usual one where an option is given as undefined', async () => {
    const none: object = { at: undefined, clock: undefined, timer: undefined, random: undefined };
    const { agent, state } = agentFor(24, none);
    state.certificate = ca.issue({ keyPair, notAfter: new Date(Date.now() + 24 * HOUR) }).certificate;
    await agent.start();
    await agent.stop();
    const lifetime = state.certificate.notAfter.getTime() - state.certificate.notBefore.getTime();
    const share = (agent.renewalTime!.getTime() - state.certificate.notBefore.getTime()) / lifetime;
    expect(share).toBeGreaterThanOrEqual(2 / 3 - 1 / 12);
    expect(share).toBeLessThanOrEqual(2 / 3);
  });

  test('is no share at which no certificate would be renewed', () => {
    for (const at of [NaN, -1, 1, 66]) expect(() => agentFor(24, { at })).toThrow(RangeError);
  });

  test('at once when that is over, and a fleet that starts together spreads over a twelfth', async () => {
    const late = agentFor(24);
    await late.time.pass(23 * HOUR);
    await late.agent.start();
    expect(late.events.map(({ kind }) => kind)).toEqual(['renewed']);
    const times = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const { agent } = agentFor(24);
        await agent.start();
        return agent.renewalTime!.getTime() - Date.parse('2026-12-01T00:00:00Z');
      }),
    );
    expect(Math.min(...times)).toBeGreaterThanOrEqual(14 * HOUR);
    expect(Math.max(...times)).toBeLessThanOrEqual(16 * HOUR);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1.5 * HOUR);
  });

  test('is found out again within an hour when the certificate is replaced by somebody else, or the clock is set', async () => {
    const { agent, time, events, state, issue } = agentFor(24, { random: () => 0 });
    await agent.start();
    await time.pass(12 * HOUR);
    state.certificate = issue();
    await time.pass(15.9 * HOUR);
    expect(events.splice(0).map(({ kind }) => kind)).toEqual(['found']);
    await time.pass(1.1 * HOUR);
    expect(events).toHaveLength(1);
    // A certificate that is due as soon as it is there does not keep anybody busy.
    let skew = 0;
    const ahead = agentFor(1, { clock: () => new Date(ahead.time.now().getTime() + skew), random: () => 0 });
    await ahead.agent.start();
    skew = 10 * HOUR;
    await ahead.time.pass(HOUR);
    expect(ahead.attempts()).toBeGreaterThan(1);
    expect(ahead.attempts()).toBeLessThanOrEqual(360);
  });

  test('comes by the clock: within a minute once the machine has slept beyond it, or its clock was set', async () => {
    let skew = 0;
    const { agent, time, attempts } = agentFor(24, {
      clock: () => new Date(time.now().getTime() + skew),
      random: () => 0,
    });
    await agent.start();
    await time.pass(HOUR + MINUTE);
    // The clock went on while the machine slept, and its timers did not.
    skew = 22.5 * HOUR;
    await time.pass(MINUTE);
    expect(attempts()).toBe(1);
  });

  test('is at two thirds of what is left, where two thirds of the lifetime are over by our clock when it is issued', async () => {
    for (const [lifetime, left] of [
      [6 * MINUTE, MINUTE],
      [24 * HOUR, 30 * MINUTE],
      [720 * HOUR, 120 * HOUR],
    ] as const) {
      const { agent, time, state, events } = agentFor(0, {
        random: () => 0,
        renew: () => {
          const notAfter = time.now().getTime() + left;
          const dates = { notBefore: new Date(notAfter - lifetime), notAfter: new Date(notAfter) };
          state.certificate = ca.issue({ keyPair, ...dates }).certificate;
          return Promise.resolve(state.certificate);
        },
      });
      await agent.start();
      await time.pass(10 * left);
      const hours = events.map(({ hour }) => hour);
      expect(hours).toEqual(hours.map((_, index) => expect.closeTo((index * left * 2) / 3 / HOUR, 5)));
      expect(hours).toHaveLength(16);
    }
  });

  test('is the usual one again once a clock is set right that was ahead at the issue', async () => {
    let skew = 20 * HOUR;
    const { agent, time, events } = agentFor(24, {
      clock: () => new Date(time.now().getTime() + skew),
      random: () => 0,
    });
    await agent.start();
    expect(agent.renewalTime!.getTime() - time.now().getTime()).toBeCloseTo(skew + (4 * HOUR * 2) / 3, -1);
    skew = 0;
    await time.pass(17 * HOUR);
    expect(events.map(({ hour }) => hour)).toEqual([0, expect.closeTo(16, 3)]);
  });

  test('there is nothing to do without a certificate of ours, and after stop()', async () => {
    const none = agentFor(24, { current: () => undefined });
    await none.agent.start();
    await none.time.pass(48 * HOUR);
    const lost = agentFor(24);
    await lost.agent.start();
    expect(lost.agent.renewalTime).toBeInstanceOf(Date);
    lost.state.certificate = undefined;
    await lost.time.pass(48 * HOUR);
    expect([lost.agent.renewalTime, lost.attempts()]).toEqual([undefined, 0]);
    const stopped = agentFor(24);
    await stopped.agent.start();
    await stopped.agent.stop();
    await stopped.time.pass(48 * HOUR);
    expect([none.attempts(), none.events, stopped.attempts()]).toEqual([0, [], 0]);
  });
});

test('a renewal that is under way is waited for by who stops, is the one for who starts again, and nothing comes after it', async () => {
  const answers: (() => void)[] = [];
  const { agent, time, state, issue, events } = agentFor(24, {
    random: () => 0,
    renew: async () => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return (state.certificate = issue());
    },
  });
  await time.pass(17 * HOUR);
  const [first, again] = [agent.start(), agent.start()];
  let isStopped = false;
  const stopped = agent.stop().then(() => (isStopped = true));
  await new Promise(setImmediate);
  expect([answers.length, isStopped]).toEqual([1, false]);
  answers[0]!();
  await Promise.all([first, again, stopped]);
  await time.pass(48 * HOUR);
  expect(events).toHaveLength(1);
  state.certificate = issue();
  await agent.start();
  void time.pass(17 * HOUR);
  while (answers.length === 1) await new Promise(setImmediate);
});

describe('a renewal that fails', () => {
  test('is tried again after ten seconds, then after twice as long each time, up to a 96th of the lifetime; half of it by chance', async () => {
    for (const random of [0, 1]) {
      const { agent, time, events } = agentFor(24, { random: () => random, fails: away });
      await agent.start();
      await time.pass(18 * HOUR);
      const seconds = events.map((event, index) => Math.round(((events[index + 1]?.hour ?? NaN) - event.hour) * 3600));
      const whole = [10, 20, 40, 80, 160, 320, 640, 900, 900];
      expect(seconds.slice(0, 9)).toEqual(random === 0 ? whole : whole.map((each) => each / 2));
    }
  });

  test('is not tried again sooner than that, however short the lifetime', async () => {
    const { agent, time, events } = agentFor(0.1, { random: () => 0, fails: away });
    await agent.start();
    await time.pass(6 * MINUTE);
    const times = events.map(({ hour }) => hour * 3600);
    expect(times.slice(1).map((each, index) => Math.round(each - times[index]!))).toEqual(times.slice(1).map(() => 10));
  });

  test('is a warning, and an error once half of the time that was left is gone, or at once when it was refused', async () => {
    const { agent, time, events } = agentFor(24, { random: () => 0, fails: away });
    await agent.start();
    await time.pass(30 * HOUR);
    const failed = events.filter((event) => event.kind === 'failed');
    expect(failed[0]).toMatchObject({
      level: 'warn',
      attempt: 1,
      why: 'nobody there',
      hour: 16,
      notAfter: new Date('2026-12-02T00:00:00Z'),
    });
    for (const { level, hour } of failed) expect([hour, level]).toEqual([hour, hour >= 20 ? 'error' : 'warn']);
    // And goes on: with a grace of the CA it may still be renewed.
    expect(failed.at(-1)!.hour).toBeGreaterThan(29.5);
    const refused = agentFor(24, { random: () => 0, fails: () => new RenewalError('refused', 'revoked') });
    await refused.agent.start();
    await refused.time.pass(16.1 * HOUR);
    expect(refused.events[0]).toMatchObject({ level: 'error', why: 'revoked' });
  });

  test('honours Retry-After, and not for longer than a 24th of the lifetime, nor than six hours', async () => {
    for (const [hours, retryAfter, minutes, random] of [
      [24, 1800, 30, 0],
      // Those who were told the same do not come back together.
      [24, 1800, 37.5, 1],
      [24, 10 ** 9, 60, 1],
      // No timer of the system waits for a 24th of ten years: it would come back at once.
      [87_600, 10 ** 9, 360, 0],
    ] as const) {
      const busy = () => new RenewalError('unusable', 'busy', { retryAfter });
      const { agent, time, events } = agentFor(hours, { random: () => random, at: 0, fails: busy });
      await agent.start();
      await time.pass(7 * HOUR);
      expect((events[1]!.hour - events[0]!.hour) * 60).toBeCloseTo(minutes, 3);
    }
  });

  test('starts anew after one that succeeded, and files that cannot be read are an error of the same kind', async () => {
    let isAway = true;
    const { agent, time, events, state } = agentFor(24, {
      random: () => 0,
      fails: () => (isAway ? away() : undefined),
    });
    await agent.start();
    await time.pass(17 * HOUR);
    isAway = false;
    await time.pass(HOUR);
    expect(events.at(-1)!.kind).toBe('renewed');
    isAway = true;
    await time.pass(24 * HOUR);
    expect(events.filter((event) => event.kind === 'failed' && event.attempt === 1)).toHaveLength(2);
    expect(state.certificate).not.toBeUndefined();
    const unreadable = agentFor(24, { random: () => 0, current: () => Promise.reject(new Error('no such file')) });
    await unreadable.agent.start();
    await unreadable.time.pass(HOUR);
    // As of one that lives for a day.
    const [before, last] = unreadable.events.slice(-2);
    expect((last!.hour - before!.hour) * HOUR).toBeCloseTo(15 * MINUTE, -2);
    expect(unreadable.events[0]).toMatchObject({
      kind: 'failed',
      level: 'error',
      why: 'no such file',
      notAfter: undefined,
    });
  });
});

describe('a certificate that the agent did not renew itself', () => {
  test('is told of when it is found: in the place of one that could not be renewed, or of one that was good', async () => {
    const { agent, time, events, state, issue } = agentFor(24, { random: () => 0, fails: away });
    await agent.start();
    await time.pass(17 * HOUR);
    expect(events.at(-1)).toMatchObject({ kind: 'failed' });
    for (const wait of [HOUR, 2 * HOUR]) {
      const [before, next] = [events.length, issue()];
      state.certificate = next;
      await time.pass(wait);
      expect(events.slice(before)).toEqual([expect.objectContaining({ kind: 'found', certificate: next })]);
    }
  });

  test('is told of when it can be read again, or is none of ours any more, once', async () => {
    for (const isOurs of [true, false]) {
      let isUnreadable = true;
      const { agent, time, events, issue } = agentFor(24, {
        current: () => {
          if (isUnreadable) throw new Error('not readable');
          return isOurs ? certificate : undefined;
        },
      });
      const certificate = issue();
      await agent.start();
      isUnreadable = false;
      await time.pass(HOUR);
      expect(events).toEqual([
        expect.objectContaining({ kind: 'failed', why: 'not readable' }),
        expect.objectContaining({ kind: 'found', certificate: isOurs ? certificate : undefined }),
      ]);
    }
  });

  test('is tried again in time for its lifetime while it cannot be read', async () => {
    let isUnreadable = false;
    const { agent, time, events, issue } = agentFor(0.5, {
      random: () => 0,
      current: () => {
        if (isUnreadable) throw new Error('not readable');
        return certificate;
      },
    });
    const certificate = issue();
    await agent.start();
    isUnreadable = true;
    await time.pass(HOUR);
    const [before, last] = events.slice(-2);
    expect((last!.hour - before!.hour) * HOUR).toBeCloseTo(18_750, -2);
  });
});

test('no certificate ends when the CA is away for less than what is left at the moment of renewal, whenever that is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        hours: fc.constantFrom(1, 24, 720),
        at: fc.constantFrom(0.5, 2 / 3),
        begins: fc.double({ min: 0, max: 2, noNaN: true }),
        seed: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      }),
      async ({ hours, at, begins, seed }) => {
        // What a last attempt just before the end of the outage costs: a 96th.
        const length = hours * (1 - at - 1 / 96) - 0.01;
        const run: ReturnType<typeof agentFor> = agentFor(hours, {
          at,
          random: () => seed.next().value as number,
          fails: () => {
            const hour = run.hour();
            return hour >= begins * hours && hour < begins * hours + length ? away() : undefined;
          },
        });
        await run.agent.start();
        for (let step = 0; step < 4 * 96; step++) {
          await run.time.pass((hours * HOUR) / 96);
          if (run.time.now() > run.state.certificate!.notAfter) throw new Error(`over at hour ${run.hour()}`);
        }
      },
    ),
    { numRuns: 15 },
  );
});
