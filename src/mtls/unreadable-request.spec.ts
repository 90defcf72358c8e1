import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { answerUnreadable, refuseConnect } from './index.js';

test('what is no request ends the connection, and is no part of the answer that is being given', async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': 1000 }).write('half');
  }).on('clientError', answerUnreadable);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const answers = text(socket);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  socket.once('data', () => socket.write('nonsense\r\n\r\n'));
  expect((await answers).endsWith('\r\n\r\nhalf')).toBe(true);
  server.close();
});

test('CONNECT behind a request without an answer yet is no answer to that one: it ends the connection', async () => {
  const server = createServer(() => undefined);
  refuseConnect(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
  expect(await text(socket)).toBe('');
  server.close();
});
