import { EventEmitter, once } from 'node:events';
import { createServer, get } from 'node:http';
import { connect, constants, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { LiveConnections, type Answer, type Standing } from './live-connections.js';
import { MtlsRefusal } from './mtls.errors.js';

/** What stands for a TLS socket. */
class Socket extends EventEmitter {
  readonly getPeerX509Certificate = (): undefined => undefined;
  destroy(): void {
    this.emit('close');
  }
}

let live: LiveConnections | undefined;
afterEach(() => {
  live?.stop();
});

function start(standing: Partial<Standing>): LiveConnections {
  live = new LiveConnections({
    refusalOf: () => new MtlsRefusal('certificate_revoked', 'revoked'),
    notAfterOf: () => Number.POSITIVE_INFINITY,
    marks: () => [],
    clock: () => 0,
    onCut: () => undefined,
    onFailure: () => undefined,
    ...standing,
  });
  live.start();
  return live;
}

test('a look that fails is told once, ends nothing else, and what changed is looked at again', async () => {
  let looks = 0;
  const failures: unknown[] = [];
  const socket = new Socket();
  start({
    marks: () => [looks === 0 ? 'before' : 'after'],
    refusalOf: () => {
      if (++looks < 4) throw new TypeError('not now');
      return new MtlsRefusal('certificate_revoked', 'revoked');
    },
    onFailure: (error) => failures.push(error),
  }).track(socket);
  looks = 1;
  await once(socket, 'close');
  expect(looks).toBe(4);
  expect(failures).toEqual([new TypeError('not now')]);
});

test('a connection on which somebody else speaks as well ends with either', async () => {
  let lost: object | undefined;
  const [proxy, other] = [new Socket(), new Socket()];
  const client = {};
  const tracked = start({
    marks: () => [lost],
    refusalOf: (holder) => (holder === lost ? new MtlsRefusal('certificate_revoked', 'revoked') : undefined),
  });
  for (const socket of [proxy, other]) tracked.track(socket);
  tracked.track(proxy, client);
  tracked.track(proxy, client);
  expect(tracked.size).toBe(2);
  lost = client;
  await once(proxy, 'close');
  expect(tracked.size).toBe(1);
  lost = other;
  await once(other, 'close');
  expect(tracked.size).toBe(0);
});

test('a connection of which nobody knows why it fails ends, and is in nobody’s way', async () => {
  const [broken, revoked, good] = [new Socket(), new Socket(), new Socket()];
  const cut: string[] = [];
  let changed = false;
  const tracked = start({
    marks: () => [changed],
    refusalOf: (holder) => {
      if (holder === broken) return new MtlsRefusal('validation_failed', 'broken', { fingerprint256: 'a' });
      return holder === revoked
        ? new MtlsRefusal('certificate_revoked', 'revoked', { fingerprint256: 'b' })
        : undefined;
    },
    onCut: ({ code }) => cut.push(code),
  });
  for (const socket of [broken, revoked, good]) tracked.track(socket);
  const ended = Promise.all([once(broken, 'close'), once(revoked, 'close')]);
  changed = true;
  await ended;
  expect(cut).toEqual(['validation_failed', 'certificate_revoked']);
  expect(tracked.size).toBe(1);
});

/** What asks a server, and the way to leave. */
const clients = {
  'HTTP/1.1': (port: number) => {
    const asked = get({ port }).on('error', () => undefined);
    return () => asked.destroy();
  },
  'HTTP/2': (port: number) => {
    const session = connect(`http://localhost:${port}`);
    session.request().on('error', () => undefined);
    return () => {
      session.destroy();
    };
  },
};

test.each(['HTTP/1.1', 'HTTP/2'] as const)(
  'an answer over %s is not followed when its caller has left',
  async (http) => {
    const asked: string[] = [];
    let mark = 0;
    const tracked = start({ marks: () => [mark] });
    const server = (http === 'HTTP/2' ? createHttp2Server() : createServer()) as ReturnType<typeof createServer>;
    server.listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const request = async (): Promise<{ readonly answer: Answer; readonly leave: () => unknown }> => {
      const leave = clients[http](port);
      const [, answer] = (await once(server, 'request')) as [unknown, Answer];
      return { answer, leave };
    };
    const gone = await request();
    const left = once(gone.answer, 'close');
    gone.leave();
    await left;
    const there = await request();
    const lookedAt = new Promise<void>((resolve) => {
      tracked.follow(gone.answer, () => asked.push('gone') > 0);
      tracked.follow(there.answer, () => {
        asked.push('there');
        resolve();
        return false;
      });
    });
    mark++;
    await lookedAt;
    expect(asked).toEqual(['there']);
    there.leave();
    server.close();
  },
);

test('an answer to HEAD over HTTP/2 is not followed when its caller has left before it came', async () => {
  let looks = 0;
  const tracked = start({ marks: () => [performance.now()] });
  const server = createHttp2Server().listen(0);
  await once(server, 'listening');
  const session = connect(`http://localhost:${(server.address() as AddressInfo).port}`);
  const asked = session.request({ ':method': 'HEAD' }).on('error', () => undefined);
  const [, answer] = (await once(server, 'request')) as [unknown, Extract<Answer, { stream: unknown }>];
  tracked.follow(answer, () => ++looks < 0);
  const left = once(answer.stream, 'close');
  asked.close(constants.NGHTTP2_CANCEL);
  await left;
  looks = 0;
  await setTimeout(300);
  expect(looks).toBe(0);
  session.destroy();
  server.close();
});
