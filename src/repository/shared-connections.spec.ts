import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { shareConnections } from './shared-connections.js';

const MOST = 4;
const opened: Socket[] = [];
let server: Server;
let held: Set<Socket>;
beforeEach(async () => {
  server = createServer((_, response) => response.end());
  held = new Set();
  server.on('connection', (socket: Socket) => {
    held.add(socket);
    socket.once('close', () => setImmediate(() => held.delete(socket)));
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
});
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
  server.close();
});

async function open(localAddress: string): Promise<Socket> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  opened.push(socket);
  socket.on('error', () => undefined);
  // One that is reset at once may have no time for that.
  await once(socket, 'connect').catch(() => undefined);
  return socket;
}

/** Whether a connection is answered on, or has ended. */
async function isServed(socket: Socket): Promise<boolean | 'neither'> {
  if (socket.destroyed) return false;
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return Promise.race([
    once(socket, 'data').then(() => true),
    once(socket, 'close').then(() => false),
    after(5000, 'neither' as const, { ref: false }),
  ]);
}

it('an address with all connections gives one to each other that comes, its oldest first, and gets no more itself', async () => {
  shareConnections(server, MOST);
  const greedy: Socket[] = [];
  for (let i = 0; i < MOST; i++) greedy.push(await open('127.0.0.1'));
  expect(await isServed(await open('127.0.0.1'))).toBe(false);
  expect(await isServed(await open('127.0.0.2'))).toBe(true);
  expect(await Promise.all(greedy.map(isServed))).toEqual([false, true, true, true]);
  const third = await open('127.0.0.3');
  // Whoever has as many as the others waits until one of them goes.
  expect(await isServed(await open('127.0.0.2'))).toBe(false);
  expect(await isServed(third)).toBe(true);
  third.destroy();
  while (held.size === MOST) await after(5);
  expect(await isServed(await open('127.0.0.2'))).toBe(true);
});

it('of several addresses that have more than who comes, the one with the most gives one, however many come at once', async () => {
  shareConnections(server, 7);
  const sockets = (address: string, count: number) => Promise.all(Array.from({ length: count }, () => open(address)));
  const most = await sockets('127.0.0.1', 4);
  const more = await sockets('127.0.0.2', 3);
  expect(await Promise.all((await sockets('127.0.0.3', 2)).map(isServed))).toEqual([true, true]);
  const served = async (all: readonly Socket[]) => (await Promise.all(all.map(isServed))).filter(Boolean).length;
  expect([await served(most), await served(more)]).toEqual([2, 3]);
});
