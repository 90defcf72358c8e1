import { EventEmitter } from 'node:events';
import type { Server } from 'node:tls';
import { expect, test } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import { limitConnections } from './connection-limits.js';

/** A listener that takes two connections at once from each network, and one more a second; at most one of them may be open. */
function listener() {
  const server = new EventEmitter();
  const time = { now: 0 };
  const settings = {
    maxConnectionsPerAddress: 1,
    maxHandshakes: Infinity,
    maxHandshakesPerAddress: Infinity,
    connectionRate: Infinity,
    connectionRatePerAddress: 1,
    trustedAddresses: [],
  };
  const logger: LoggerService = { log: () => undefined, warn: () => undefined, error: () => undefined };
  limitConnections(server as Server, settings, logger, () => time.now);
  const resets = new Set<EventEmitter>();
  /** A connection from an address; undefined when it is reset. */
  const knock = (remoteAddress: string): EventEmitter | undefined => {
    const resetAndDestroy = (): void => void resets.add(socket);
    const socket = Object.assign(new EventEmitter(), { remoteAddress, remotePort: 1, bytesRead: 0, resetAndDestroy });
    server.emit('connection', socket);
    return resets.has(socket) ? undefined : socket;
  };
  const comeAndGo = (remoteAddress: string): boolean => knock(remoteAddress)?.emit('close') ?? false;
  return { time, knock, comeAndGo };
}

/** Number so much of networks that one attacker may have. */
const network = (number: number): string =>
  `2001:db8:${(number >> 16).toString(16)}:${(number & 0xffff).toString(16)}::1`;

test('a network is counted for as long as it owes, also amid thousands of others', () => {
  const { time, comeAndGo, knock } = listener();
  expect([1, 2, 3].map(() => comeAndGo('192.0.2.1'))).toEqual([true, true, false]);
  for (let number = 0; number < 2_500; number++) comeAndGo(network(number));
  expect(comeAndGo('192.0.2.1')).toBe(false);
  time.now += 1_000;
  expect([1, 2].map(() => comeAndGo('192.0.2.1'))).toEqual([true, false]);
  expect(knock('192.0.2.2')).toBeDefined();
  time.now += 10_000;
  for (let number = 2_500; number < 5_000; number++) comeAndGo(network(number));
  expect(knock('192.0.2.2')).toBeUndefined();
});

test('of more networks than are counted at once only those with an open connection are not forgotten', () => {
  const { comeAndGo, knock } = listener();
  knock('192.0.2.2');
  expect([1, 2, 3].map(() => comeAndGo('192.0.2.1'))).toEqual([true, true, false]);
  for (let number = 0; number < 66_000; number++) comeAndGo(network(number));
  expect(comeAndGo('192.0.2.1')).toBe(true);
  expect(knock('192.0.2.2')).toBeUndefined();
});
