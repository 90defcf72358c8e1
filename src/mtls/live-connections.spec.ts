import { EventEmitter, once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { LiveConnections, type Standing } from './live-connections.js';
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
