import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import type { ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { callerOf, csrOf, type Caller } from '../support/certificate-client.js';
import { RawConnection } from '../support/client.js';
import { developmentTls, startIn } from '../support/service.js';

/*
 * A body that its client holds back until it is asked for (RFC 9110 §10.1.1).
 */
let service: Awaited<ReturnType<typeof startIn>>;
let admin: Caller;
let stranger: ConnectionOptions;
let body: string;
beforeAll(async () => {
  service = await startIn();
  admin = await callerOf(service, 'admin-client');
  stranger = developmentTls(service.folder);
  body = JSON.stringify({ csr: csrOf(admin.key, 'veritas-worker'), service: 'veritas-worker' });
});
afterAll(() => service.close());

const PATH = '/api/v1/certificates';
const fields = () => ({
  'content-type': 'application/json',
  'content-length': String(body.length),
  expect: '100-continue',
});

describe('over HTTP/1.1', () => {
  const head = () =>
    [
      `POST ${PATH} HTTP/1.1`,
      'host: localhost',
      ...Object.entries(fields()).map(([name, value]) => `${name}: ${value}`),
    ]
      .map((line) => `${line}\r\n`)
      .join('') + '\r\n';

  test('who is refused by the headers alone is not asked for the body, and the connection ends', async () => {
    const connection = await RawConnection.open(service.ports.https, stranger);
    connection.socket.write(head());
    expect(await connection.answer()).toMatchObject({ status: 401, headers: { connection: 'close' } });
    await connection.untilClosed();
  });

  test('who may call is asked for it, and the connection stays', async () => {
    const connection = await RawConnection.open(service.ports.https, admin.tls);
    for (let round = 0; round < 2; round++) {
      connection.socket.write(head());
      expect((await connection.answer()).status).toBe(100);
      connection.socket.write(body);
      expect((await connection.answer()).status).toBe(201);
    }
    // One that does not wait is asked all the same, or not at all where all of its body is there.
    connection.socket.write(head() + body);
    const first = await connection.answer();
    expect((first.status === 100 ? await connection.answer() : first).status).toBe(201);
    expect((await connection.get('/health')).status).toBe(200);
    connection.close();
  });
});

test('over HTTP/2 who may call is asked for the body, and who is refused is not', async () => {
  const post = async (tls: ConnectionOptions): Promise<[isAsked: boolean, status: unknown]> => {
    const session = connectHttp2(`https://localhost:${service.ports.https}`, tls);
    const stream = session.request({ ':method': 'POST', ':path': PATH, ...fields() });
    let isAsked = false;
    stream.once('continue', () => {
      isAsked = true;
      stream.end(body);
    });
    const [{ ':status': status }] = (await once(stream, 'response')) as [{ ':status': number }];
    session.destroy();
    return [isAsked, status];
  };
  expect(await post(admin.tls)).toEqual([true, 201]);
  expect(await post(stranger)).toEqual([false, 401]);
});
