import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import {
  createServer as createPlainServer,
  type AddressInfo,
  type LookupFunction,
  type Server,
  type Socket,
} from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { TestCa } from '../../testing/index.js';
import { askForRenewal } from './renewal-request.js';

const ca = TestCa.root();
const { chainPem: cert, keyPem: key } = ca.issue({ names: [{ kind: 'dns', value: 'localhost' }] });
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function askAt(server: Server): Promise<unknown> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(`https://localhost:${(server.address() as AddressInfo).port}`);
  return askForRenewal({ url, tls: { ca: ca.certificatePem }, request: new Uint8Array() }).catch(
    (error: unknown) => error,
  );
}

/** A service whose every answer is this. */
const answering = (answer: (response: ServerResponse) => void): Server =>
  createServer({ cert, key }, (request, response) => {
    request.resume();
    answer(response);
  });

describe('a service that is busy says for how many seconds', () => {
  test.each([
    ['120', 120],
    ['Sun, 06 Nov 1994 08:51:37 GMT', 120],
    ['Sun, 06 Nov 1994 08:49:36 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['2050', 2050],
  ])('by Retry-After: %s', async (retryAfter, seconds) => {
    for (const status of [429, 503]) {
      const server = answering((response) => {
        // By the server's clock, which is not ours.
        response.writeHead(status, { date: 'Sun, 06 Nov 1994 08:49:37 GMT', 'retry-after': retryAfter });
        response.end(JSON.stringify({ detail: 'busy', code: 'rate_limited' }));
      });
      expect(await askAt(server)).toMatchObject({ code: 'unusable', retryAfter: seconds });
    }
  });
});

test('the service is told its name without the dot of an absolute one (RFC 6066 §3)', async () => {
  const told: unknown[] = [];
  const server = answering((response) => response.writeHead(201).end('chain')).on('secureConnection', (socket) =>
    told.push((socket as { servername?: unknown }).servername),
  );
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const lookup: LookupFunction = (_, { all }, found) => {
    if (all) found(null, [{ address: '127.0.0.1', family: 4 }]);
    else found(null, '127.0.0.1', 4);
  };
  const url = new URL(`https://localhost.:${(server.address() as AddressInfo).port}`);
  const tls: object = { ca: ca.certificatePem, lookup };
  expect(String(await askForRenewal({ url, tls, request: new Uint8Array() }))).toBe('chain');
  expect(told).toEqual(['localhost']);
});

describe('a connection that comes to nothing is told of, and why', () => {
  const notTls = (answer: (socket: Socket) => void): Server =>
    createPlainServer((socket) => {
      answer(socket.on('error', () => undefined).resume());
    });

  test.each<[string, string, () => Server]>([
    ['closed in the handshake', 'ECONNRESET', () => notTls((socket) => socket.once('data', () => socket.destroy()))],
    ['without TLS', 'EPROTO', () => notTls((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))],
    [
      'an alert, for want of a certificate',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      () => createServer({ cert, key, requestCert: true, rejectUnauthorized: true }),
    ],
    [
      'an answer that is cut off',
      'ECONNRESET',
      () =>
        answering((response) => {
          response.writeHead(201, { 'content-length': 1000 }).write(cert.slice(0, 200), () => response.destroy());
        }),
    ],
    [
      'an answer in pieces of which one is missing',
      'ECONNRESET',
      () =>
        answering((response) => {
          response.writeHead(201).write(cert, () => response.destroy());
        }),
    ],
  ])('%s', async (_, reason, server) => {
    const message = expect.stringContaining(`cannot be reached (${reason})`);
    expect(await askAt(server())).toMatchObject({ code: 'unusable', message });
  });
});
