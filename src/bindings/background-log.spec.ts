import { expect, jest, test } from '@jest/globals';
import { logBackgroundFailures } from './background-log.js';
import { EventBus } from '../events/index.js';

test('each task is told when it begins to fail, and once in half a minute while it goes on', () => {
  const events = new EventBus();
  const lines: unknown[] = [];
  let time = 0;
  logBackgroundFailures(events, { error: (line: unknown) => lines.push(line) }, () => time);
  const fail = (task: string): void => {
    events.emit('background.failed', { task, error: new Error('gone') });
  };
  for (; time < 60_000; time += 250) fail('revocation.poll');
  fail('crl.publish');
  expect(lines).toEqual(
    ['revocation.poll', 'revocation.poll', 'crl.publish'].map((task) => ({
      event: 'background_failed',
      task,
      reason: 'gone',
    })),
  );
});

test('a clock of the machine that is set back hides no failure', () => {
  jest.useFakeTimers();
  try {
    const events = new EventBus();
    const lines: unknown[] = [];
    logBackgroundFailures(events, { error: (line: unknown) => lines.push(line) });
    events.emit('background.failed', { task: 'crl.publish', error: new Error('gone') });
    jest.setSystemTime(Date.now() - 3_600_000);
    jest.advanceTimersByTime(30_000);
    events.emit('background.failed', { task: 'crl.publish', error: new Error('gone') });
    expect(lines).toHaveLength(2);
  } finally {
    jest.useRealTimers();
  }
});
