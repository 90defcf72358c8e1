import { expect, jest, test } from '@jest/globals';
import { failureLog } from './failure-log.js';

test('one line a second, with the number of those that were passed over', () => {
  jest.useFakeTimers();
  try {
    const lines: unknown[] = [];
    const failed = failureLog({ error: (line: unknown) => lines.push(line) });
    const err = new Error('the disk is broken');
    for (const id of ['1', '2', '3']) failed(err, id);
    jest.advanceTimersByTime(1_000);
    for (const id of ['4', '5']) failed(err, id);
    jest.advanceTimersByTime(1_000);
    failed(err, '6');
    expect(lines).toEqual([
      { event: 'failed', request_id: '1', err, passedOver: 0 },
      { event: 'failed', request_id: '4', err, passedOver: 2 },
      { event: 'failed', request_id: '6', err, passedOver: 1 },
    ]);
  } finally {
    jest.useRealTimers();
  }
});
