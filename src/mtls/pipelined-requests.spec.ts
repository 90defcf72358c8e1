import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from '@jest/globals';
import { oneByOne } from './index.js';

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Handle = Parameters<typeof oneByOne>[0];

async function start(handle: Handle): Promise<{ readonly socket: Socket; readonly taken: () => Socket }> {
  const server = createServer(oneByOne(handle));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const taken = once(server, 'connection');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  const [peer] = (await taken) as [Socket];
  closing.push(
    () => server.close(),
    () => socket.destroy(),
    () => peer.destroy(),
  );
  return { socket, taken: () => peer };
}

const requests = (count: number, path: (i: number) => string = String, version = '1.1'): string =>
  Array.from(
    { length: count },
    (_, i) => `GET /${path(i)} HTTP/${version}\r\nHost: a\r\nConnection: keep-alive\r\n\r\n`,
  ).join('');

test('requests that come at once are handled one by one, in their order, bodies too', async () => {
  const open: string[] = [];
  let most = 0;
  const { socket } = await start((request, response) => {
    void text(request).then((body) => {
      open.push(`${request.url}:${body}`);
      most = Math.max(most, open.length);
      setImmediate(() => response.end(open.pop()));
    });
  });
  const post = 'POST /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n';
  socket.write(requests(3_000) + post);
  const answers = text(socket);
  socket.write('a'.repeat(200_000));
  const bodies = [...(await answers).matchAll(/\r\n\r\n(\/\w+:a*)/g)].map(([, body]) => body);
  expect(most).toBe(1);
  expect(bodies).toEqual([...Array.from({ length: 3_000 }, (_, i) => `/${i}:`), `/last:${'a'.repeat(200_000)}`]);
});

test('so are those that give themselves out for HTTP/2', async () => {
  const handled: ServerResponse[] = [];
  const { socket } = await start((_, response) => {
    handled.push(response);
    setImmediate(() => setImmediate(() => response.setHeader('connection', 'close').end()));
  });
  socket.write(requests(100, String, '2.0'));
  await text(socket);
  expect(handled).toHaveLength(1);
});

test('while an answer is being taken, nothing behind it is handled, and no more is read', async () => {
  const handled: ServerResponse[] = [];
  const { socket, taken } = await start((_, response) => {
    handled.push(response);
    response.writeHead(200);
    const write = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      response.once('drain', write);
    };
    write();
  });
  socket.write(requests(50_000, () => 'a'));
  let read = 0;
  for await (const piece of socket) if ((read += (piece as Buffer).length) > 32 * 1024 * 1024) break;
  expect(handled).toHaveLength(1);
  expect(taken().bytesRead).toBeLessThan(256 * 1024);
});

test('what comes behind a request whose answer ends the connection is not handled', async () => {
  const handled: unknown[] = [];
  const { socket } = await start(({ url }, response) => {
    handled.push(url);
    response.setHeader('connection', 'close').end();
  });
  socket.write(requests(5));
  await text(socket);
  expect(handled).toEqual(['/0']);
});
