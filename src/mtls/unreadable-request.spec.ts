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

test('what is no request behind one that has no answer yet: that is answered, and ends the connection', async () => {
  const server = createServer((_, response) => {
    // Further octets that are none change nothing.
    server.once('clientError', () => setImmediate(() => response.end('whole')));
  }).on('clientError', answerUnreadable);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const ask = (octets: string): Promise<string> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(octets);
    return text(socket);
  };
  const onlyTheAnswer = /^HTTP\/1\.1 200 OK\r\n(?:(?!HTTP\/1).)*Connection: close\r\n(?:(?!HTTP\/1).)*\r\n\r\nwhole$/s;
  expect(await ask('GET / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n')).toMatch(onlyTheAnswer);
  const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n';
  expect(await ask(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${chunked}`)).toMatch(onlyTheAnswer);
  expect(await ask(chunked)).toMatch(/^HTTP\/1\.1 400 /);
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
