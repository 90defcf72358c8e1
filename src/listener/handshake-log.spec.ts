import { expect, jest, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { logFailedHandshakes } from './handshake-log.js';

test('a clock of the machine that is set back hides no failure', () => {
  jest.useFakeTimers();
  try {
    const server = new EventEmitter();
    const lines: unknown[] = [];
    logFailedHandshakes(server as never, { warn: (line: unknown) => lines.push(line) } as never);
    const fail = (): boolean => server.emit('tlsClientError', new Error('no shared cipher'), {});
    fail();
    jest.setSystemTime(Date.now() - 3_600_000);
    jest.advanceTimersByTime(1_000);
    fail();
    expect(lines).toHaveLength(2);
  } finally {
    jest.useRealTimers();
  }
});
