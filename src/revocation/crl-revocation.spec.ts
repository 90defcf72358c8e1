import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { replaceFile, temporaryFolder } from '../../test/support/folder.js';
import { TestCa } from '../testing/index.js';
import { CrlReason, encodeExtensionOf, type Certificate, type CrlIndex, type Extension } from '../x509/index.js';
import { CrlReader } from './crl-reader.js';
import { CrlIssuerError, CrlRevocation, nextLook, type CrlEvent } from './crl-revocation.js';
import { fetchCrl } from './crl-source.js';

const DAY = 86_400_000;
const root = TestCa.root();
const issuing = root.intermediate();
const issue = (point?: string): Certificate =>
  issuing.issue(point === undefined ? {} : { extensions: [encodeExtensionOf.crlDistributionPoints([point])] })
    .certificate;

describe('CRLs of another CA', () => {
  const open: (() => void)[] = [];
  afterEach(() => {
    for (const close of open.splice(0)) close();
  });

  const serve = async (listener: RequestListener): Promise<string> => {
    const server: Server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/list.crl`;
  };

  /** A guard's view of sources, and what it told the log. */
  const watch = async (
    sources: readonly string[],
    clock: () => Date = () => new Date(),
    refreshInterval = 20,
    startWait?: number,
    reader = new CrlReader(),
  ) => {
    const events: CrlEvent[] = [];
    const authorities = [root.certificate, issuing.certificate];
    const revocation = new CrlRevocation(
      sources.map((source) => ({ source })),
      () => authorities,
      {
        refreshInterval,
        clock,
        report: (event) => events.push(event),
        reader,
        ...(startWait === undefined ? {} : { startWait }),
      },
    );
    open.push(() => {
      revocation.stop();
    });
    await revocation.start();
    const statusOf = (certificate: Certificate, now = clock()) =>
      revocation.statusOf(certificate, issuing.certificate, now);
    return { events, revocation, statusOf };
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  const extensions = (number: bigint, ...more: readonly Extension[]): Extension[] => [
    encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: issuing.certificate.extensions.subjectKeyIdentifier }),
    encodeExtensionOf.crlNumber(number),
    ...more,
  ];
  const [good, bad] = [issue(), issue()];

  it.each([
    ['nothing of the kind', 'hello', /no PEM block CERTIFICATE/],
    ['nothing at all', '', /empty/],
    ['a certificate that is cut off', issuing.certificate.der.subarray(0, 40), /cut off/],
  ])('are not begun with an issuer that is %s', (_, issuer, why) => {
    const options = { refreshInterval: 20, clock: () => new Date(), report: () => undefined };
    const begin = () => new CrlRevocation([{ source: 'list.crl', issuer }], () => [], options);
    expect(begin).toThrow(CrlIssuerError);
    expect(begin).toThrow('the issuer of list.crl cannot be used: ');
    expect(begin).toThrow(why);
  });

  it.each<[string, RegExp, () => RequestListener]>([
    ['truncated', /cut off/, () => (_, reply) => reply.end(issuing.crl().subarray(0, -20))],
    ['stale', /stale/, () => (_, reply) => reply.end(issuing.crl([], { nextUpdate: new Date(Date.now() - 1) }))],
    [
      'of tomorrow',
      /future/,
      () => (_, reply) => reply.end(issuing.crl([], { thisUpdate: new Date(Date.now() + DAY / 2) })),
    ],
    [
      'wrongly signed',
      /signature/,
      () => {
        const list = issuing.crl();
        list[list.length - 1]! ^= 1;
        return (_, reply) => reply.end(list);
      },
    ],
    ['of a stranger', /not among the trusted/, () => (_, reply) => reply.end(TestCa.root({ commonName: 'x' }).crl())],
    ['a page', /./, () => (_, reply) => reply.end('<html>not found</html>')],
    ['missing', /404/, () => (_, reply) => reply.writeHead(404).end()],
    ['not modified, of nothing', /304/, () => (_, reply) => reply.writeHead(304).end()],
    [
      'cut off with its connection',
      /^other side closed$/,
      () => (_, reply) => {
        reply.writeHead(200, { 'content-length': 1000 }).write(issuing.crl().subarray(0, 100), () => reply.destroy());
      },
    ],
    [
      'not in the coding that it says',
      /^incorrect header check$/,
      () => (_, reply) => reply.writeHead(200, { 'content-encoding': 'gzip' }).end(issuing.crl()),
    ],
    ['elsewhere', /unexpected redirect/, () => (_, reply) => reply.writeHead(302, { location: '/other.crl' }).end()],
    [
      'said to be huge',
      /more octets/,
      () => (_, reply) => reply.writeHead(200, { 'content-length': 2 ** 40 }).flushHeaders(),
    ],
  ])('makes nobody good by one that is %s, and says why', async (_, why, listener) => {
    const { events, statusOf } = await watch([await serve(listener())]);
    expect(events).toMatchObject([{ kind: 'failed', why: expect.stringMatching(why) }]);
    expect(statusOf(good)).toMatchObject({ status: 'unknown' });
  });

  it('does not wait at the start for a list that trickles in, and takes it up when it is whole', async () => {
    const list = Buffer.from(issuing.crl());
    const asked = Promise.withResolvers<ServerResponse>();
    const url = await serve((_, response) => {
      response.write(list.subarray(0, 10));
      asked.resolve(response);
    });
    let clock = Date.now();
    const { statusOf, revocation } = await watch([url], () => new Date(clock), undefined, 50);
    expect(statusOf(good)).toMatchObject({ status: 'unknown', why: `${url}: it has not been read yet` });
    expect(revocation.standing).toMatchObject([{ source: url, isRead: false, isStale: false }]);
    (await asked.promise).end(list.subarray(10));
    await until(() => statusOf(good).status === 'good');
    expect(revocation.standing).toMatchObject([{ source: url, isRead: true, isStale: false }]);
    clock += 30 * DAY;
    expect(revocation.standing).toMatchObject([{ source: url, isRead: true, isStale: true }]);
  });

  it('gives up on a server that is silent, trickles for too long, or never ends', async () => {
    const most = { silence: 60_000, timeout: 60_000, octets: 10_000 };
    const silent = await serve(() => undefined);
    await expect(fetchCrl(silent, undefined, { ...most, silence: 60 })).rejects.toThrow('sent nothing for 60 ms');
    const trickle = await serve((_, reply) => {
      const timer = setInterval(() => reply.write('x'), 20);
      reply.on('close', () => {
        clearInterval(timer);
      });
    });
    // Who sends something now and then is not silent.
    await expect(fetchCrl(trickle, undefined, { ...most, silence: 800, timeout: 1000 })).rejects.toThrow(
      'the list was not whole after 1000 ms',
    );
    const endless = await serve((_, reply) => {
      const more = (): void => {
        while (reply.write(Buffer.alloc(1000)));
      };
      reply.on('drain', more);
      more();
    });
    await expect(fetchCrl(endless, undefined, most)).rejects.toThrow('more octets');
  });

  it.each([
    ['an error', 500, {}],
    ['more than a list may be', 200, { 'content-length': 2 ** 40 }],
  ])(
    'lets go of a server that answers with %s, and does not end',
    async (_, status, headers) => {
      const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
      const before = timers();
      const gone = Promise.withResolvers<unknown>();
      const url = await serve((_request, reply) => {
        reply.on('close', gone.resolve).writeHead(status, headers).write('x');
      });
      await expect(fetchCrl(url, undefined)).rejects.toThrow(/500|more octets/);
      await gone.promise;
      expect(timers()).toBe(before);
      // Later the garbage collection does it.
    },
    3_000,
  );

  it('reads no file that is larger than a list may be', async () => {
    const path = join(temporaryFolder(), 'list.crl');
    writeFileSync(path, issuing.crl());
    await expect(fetchCrl(path, undefined, { octets: 10 })).rejects.toThrow('more than a CRL may have');
  });

  it('keeps the last good one while what comes after it is not, and never goes back', async () => {
    let body = issuing.crl([{ certificate: bad, reason: CrlReason.keyCompromise }], { number: 7n });
    const { events, statusOf } = await watch([await serve((_, reply) => reply.end(body))]);
    expect(statusOf(bad)).toMatchObject({ status: 'revoked', source: 'CRL 7', reason: 'keyCompromise' });
    expect(statusOf(good)).toMatchObject({ status: 'good', source: 'CRL 7' });
    body = issuing.crl([], { number: 6n });
    await until(() => events.length === 2);
    expect(events[1]).toMatchObject({ kind: 'failed', why: expect.stringContaining('older') });
    expect(statusOf(bad)).toMatchObject({ status: 'revoked', source: 'CRL 7' });
  });

  it('is not rid of one by a list of something else in its place, nor by an older one after that', async () => {
    const [now, point] = [Date.now(), 'http://a.test/1.crl'];
    let time = now;
    const revoking = issuing.crl([{ certificate: bad }], { number: 7n, nextUpdate: new Date(now + DAY / 2) });
    let body = revoking;
    const { events, statusOf } = await watch([await serve((_, reply) => reply.end(body))], () => new Date(time));
    for (const other of [
      root.crl([], { number: 100n }),
      issuing.crl([], { extensions: extensions(8n, encodeExtensionOf.issuingDistributionPoint(point)) }),
      issuing.crl([], { extensions: extensions(9n, encodeExtensionOf.deltaCrlIndicator(8n)) }),
    ]) {
      body = other;
      const before = events.length;
      await until(() => events.length > before && events.at(-1)?.kind === 'loaded');
      expect([bad, good].map((each) => statusOf(each).status)).toEqual(['revoked', 'good']);
    }
    body = issuing.crl([], { number: 6n });
    await until(() => events.at(-1)?.kind === 'failed');
    expect(statusOf(bad)).toMatchObject({ status: 'revoked', source: 'CRL 7' });
    // Its time is over.
    time = now + (DAY * 3) / 4;
    expect(statusOf(good)).toMatchObject({ status: 'unknown' });
  });

  it.each([
    ['etag', 'if-none-match', '"a"'],
    ['last-modified', 'if-modified-since', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ] as const)('asks for what changed by %s, and hears that nothing did', async (header, question, mark) => {
    const seen: unknown[] = [];
    const body = issuing.crl([], { number: 9n });
    const url = await serve((request, reply) => {
      seen.push(request.headers[question]);
      if (request.headers[question] === mark) reply.writeHead(304).end();
      else reply.writeHead(200, { [header]: mark }).end(body);
    });
    const { events } = await watch([url]);
    await until(() => seen.length >= 3);
    expect(seen.slice(0, 3)).toEqual([undefined, mark, mark]);
    expect(events).toHaveLength(1);
  });

  it('asks for the whole again after one that came cut off, though the server says of it that nothing changed', async () => {
    const list = issuing.crl([], { number: 9n });
    const asked: unknown[] = [];
    // Without a length only the list itself says that it is not whole, as behind a gateway that speaks HTTP/1.0.
    const url = await serve((request, reply) => {
      const tag = request.headers['if-none-match'];
      asked.push(tag);
      reply.useChunkedEncodingByDefault = false;
      if (tag === '"9"') reply.writeHead(304).end();
      else
        reply
          .writeHead(200, { etag: '"9"', connection: 'close' })
          .end(list.subarray(0, asked.length > 1 ? undefined : -20));
    });
    const { events, statusOf } = await watch([url]);
    expect(events).toMatchObject([{ kind: 'failed', why: expect.stringContaining('cut off') }]);
    await until(() => asked.length > 2);
    expect(events.slice(1)).toMatchObject([{ kind: 'loaded' }]);
    expect(asked.slice(0, 3)).toEqual([undefined, undefined, '"9"']);
    expect(statusOf(good)).toMatchObject({ status: 'good', source: 'CRL 9' });
  });

  it.each([false, true])(
    'calls a file that is no list none for as long as it is as it was, after a good one: %s',
    async (isFirst) => {
      const path = join(temporaryFolder(), 'list.crl');
      const broken = issuing.crl().subarray(0, -20);
      writeFileSync(path, isFirst ? issuing.crl() : broken);
      let [clock, looks] = [Date.now(), 0];
      const { events, revocation } = await watch([path], () => {
        looks++;
        return new Date(clock);
      });
      const readAt = isFirst ? new Date(clock) : undefined;
      if (isFirst) replaceFile(path, broken);
      await until(() => events.at(-1)?.kind === 'failed');
      clock += 1000;
      const before = looks;
      await until(() => looks > before + 9);
      expect(revocation.standing).toMatchObject([{ isRead: isFirst, readAt, failures: 1 }]);
      expect(events).toHaveLength(isFirst ? 2 : 1);
    },
  );

  it('takes a list that ended for a failure, though nothing changed, until there is another', async () => {
    let time = Date.now();
    let number = 9n;
    const asked: string[] = [];
    const url = await serve((request, reply) => {
      const { 'if-none-match': tag = '' } = request.headers;
      asked.push(tag);
      if (tag === `"${number}"`) reply.writeHead(304).end();
      else
        reply
          .writeHead(200, { etag: `"${number}"` })
          .end(issuing.crl([], { number, nextUpdate: new Date(time + DAY / 4) }));
    });
    const { events, statusOf } = await watch([url], () => new Date(time));
    time += DAY / 3;
    await until(() => events.length > 1);
    expect(events[1]).toMatchObject({ kind: 'failed', why: expect.stringContaining('stale') });
    expect(statusOf(good)).toMatchObject({ status: 'unknown', why: expect.stringContaining('stale') });
    const before = asked.length;
    await until(() => asked.length > before + 1);
    number = 10n;
    await until(() => events.length > 2);
    expect(events.slice(2)).toMatchObject([{ kind: 'loaded' }]);
    expect(asked.slice(1, -1)).toEqual(asked.slice(1, -1).fill('"9"'));
    expect(statusOf(good)).toMatchObject({ status: 'good', source: 'CRL 10' });
  });

  it('says of a list that has not been read yet that it has not, and where it is read', () => {
    const source = 'http://127.0.0.1:1/first.crl';
    const options = { refreshInterval: 20, clock: () => new Date(), report: () => undefined };
    const before = new CrlRevocation([{ source }], () => [issuing.certificate], options);
    expect(before.statusOf(good, issuing.certificate, new Date())).toEqual({
      status: 'unknown',
      source: 'CRL',
      why: `${source}: it has not been read yet`,
    });
  });

  it('lets what is stale make nobody good, but a revocation stand', async () => {
    const now = new Date();
    const held = issue();
    const body = issuing.crl([{ certificate: bad }, { certificate: held, reason: CrlReason.certificateHold }], {
      number: 3n,
    });
    const { statusOf } = await watch([await serve((_, reply) => reply.end(body))], () => now);
    const later = new Date(now.getTime() + 2 * DAY);
    expect(statusOf(held)).toMatchObject({ status: 'revoked', reason: 'certificateHold' });
    expect([bad, held, good].map((each) => statusOf(each, later).status)).toEqual(['revoked', 'unknown', 'unknown']);
  });

  it('adds a delta to its base, and to no other', async () => {
    const [held, fresh] = [issue(), issue()];
    const now = new Date();
    const base = issuing.crl([{ certificate: bad }, { certificate: held, reason: CrlReason.certificateHold }], {
      number: 10n,
    });
    const delta = (from: bigint, nextUpdate = new Date(now.getTime() + DAY / 2)) =>
      issuing.crl([{ certificate: fresh }, { certificate: held, reason: CrlReason.removeFromCRL }], {
        extensions: extensions(12n, encodeExtensionOf.deltaCrlIndicator(from)),
        nextUpdate,
      });
    const statuses = async (octets: Uint8Array, at = now) => {
      const urls = [await serve((_, reply) => reply.end(base)), await serve((_, reply) => reply.end(octets))];
      const { statusOf } = await watch(urls, () => now);
      return Object.fromEntries(
        Object.entries({ bad, held, fresh, good }).map(([name, each]) => [name, statusOf(each, at).status]),
      );
    };
    expect(await statuses(delta(10n))).toEqual({ bad: 'revoked', held: 'good', fresh: 'revoked', good: 'good' });
    expect(await statuses(delta(9n))).toEqual({ bad: 'revoked', held: 'good', fresh: 'revoked', good: 'good' });
    // For a base that is newer than ours: it makes nothing good, and what it revokes is revoked.
    expect(await statuses(delta(11n))).toEqual({ bad: 'revoked', held: 'revoked', fresh: 'revoked', good: 'good' });
    // Past its end: what came after it is not known, and it lifts no hold (RFC 5280 §6.3.3).
    const later = new Date(now.getTime() + (DAY * 3) / 4);
    expect(await statuses(delta(10n), later)).toEqual({
      bad: 'revoked',
      held: 'revoked',
      fresh: 'revoked',
      good: 'unknown',
    });
  });

  it('keeps what a delta revoked when the next one is for a newer base, until that base is there', async () => {
    const [held, fresh] = [issue(), issue()];
    let time = Date.now();
    const from = (days: number) => new Date(time + days * DAY);
    let base = issuing.crl([{ certificate: held, reason: CrlReason.certificateHold }], {
      number: 10n,
      nextUpdate: from(7),
    });
    const delta = (number: bigint, of: bigint, entries: Parameters<TestCa['crl']>[0], nextUpdate: Date) =>
      issuing.crl(entries, { extensions: extensions(number, encodeExtensionOf.deltaCrlIndicator(of)), nextUpdate });
    const released = { certificate: held, reason: CrlReason.removeFromCRL };
    let newest = delta(11n, 10n, [{ certificate: fresh }, released], from(1));
    const urls = [await serve((_, reply) => reply.end(base)), await serve((_, reply) => reply.end(newest))];
    const { events, statusOf } = await watch(urls, () => new Date(time));
    const statuses = () => [fresh, held, good].map((each) => statusOf(each).status);
    expect(statuses()).toEqual(['revoked', 'good', 'good']);
    // The base that it is for comes later, from a cache say.
    newest = delta(13n, 12n, [], from(2));
    await until(() => events.some((event) => event.kind === 'loaded' && event.entries === 0));
    expect(statuses()).toEqual(['revoked', 'good', 'good']);
    // Past the end of the delta that goes with the list at hand, a newer one is there all the same.
    time += 1.5 * DAY;
    expect(statuses()).toEqual(['revoked', 'revoked', 'good']);
    newest = delta(
      14n,
      12n,
      [issue(), issue(), issue()].map((certificate) => ({ certificate })),
      from(1),
    );
    await until(() => events.some((event) => event.kind === 'loaded' && event.entries === 3));
    expect(statuses()).toEqual(['revoked', 'revoked', 'good']);
    base = issuing.crl([{ certificate: fresh }], { number: 12n, nextUpdate: from(7) });
    await until(() => statusOf(good).source.startsWith('CRL 12'));
    expect(statuses()).toEqual(['revoked', 'good', 'good']);
  });

  it('gives back the memory of each list once nothing needs it, and of none before', async () => {
    const released: bigint[] = [];
    class Reader extends CrlReader {
      override release(index: CrlIndex): void {
        released.push(index.list.extensions.crlNumber ?? 0n);
        super.release(index);
      }
    }
    let [time, version] = [Date.now(), 1];
    const ends = (days: number) => ({ nextUpdate: new Date(Date.now() + days * DAY) });
    const delta = (number: bigint, base: bigint, entries: Parameters<TestCa['crl']>[0]) =>
      issuing.crl(entries, {
        extensions: extensions(number, encodeExtensionOf.deltaCrlIndicator(base)),
        ...ends(0.5),
      });
    let body = issuing.crl([], { number: 1n, ...ends(0.5) });
    const url = await serve(({ headers }, reply) => {
      if (headers['if-none-match'] === `"${version}"`) reply.writeHead(304).end();
      else reply.setHeader('etag', `"${version}"`).end(body);
    });
    const { events, statusOf } = await watch([url], () => new Date(time), 20, undefined, new Reader());
    const next = async (list: typeof body, kind: CrlEvent['kind'] = 'loaded') => {
      const before = events.length;
      [body, version] = [list, version + 1];
      await until(() => events.slice(before).some((event) => event.kind === kind));
      return [...new Set(released.splice(0))];
    };
    expect(await next(delta(2n, 1n, [{ certificate: bad }]))).toEqual([]);
    expect(await next(issuing.crl([], { number: 1n, ...ends(0.5) }))).toEqual([1n]);
    // What the delta before says counts until the base of the next one is there.
    expect(await next(delta(4n, 3n, []))).toEqual([]);
    expect(statusOf(bad).status).toBe('revoked');
    expect(await next(issuing.crl([], { number: 5n, ...ends(0.5) }))).toEqual([1n]);
    expect(await next(issuing.crl([], { number: 3n, ...ends(0.5) }), 'failed')).toEqual([3n]);
    time += DAY;
    expect(await next(issuing.crl([], { number: 6n, ...ends(2) }))).toEqual(expect.arrayContaining([2n, 4n, 5n]));
  });

  it('says of a delta without a complete list that it is that which is missing', async () => {
    const delta = issuing.crl([{ certificate: bad }], {
      extensions: extensions(12n, encodeExtensionOf.deltaCrlIndicator(10n)),
    });
    const { statusOf } = await watch([await serve((_, reply) => reply.end(delta))]);
    expect(statusOf(bad).status).toBe('revoked');
    expect(statusOf(good)).toMatchObject({
      status: 'unknown',
      why: 'only a delta CRL of its issuer covers the certificate, and no complete one',
    });
  });

  it('knows of a number that stands twice in a list what is worse, and no delta takes that back', async () => {
    const reasons = (...list: (keyof typeof CrlReason)[]) => list.map((reason) => CrlReason[reason]);
    const twice = [
      reasons('certificateHold', 'keyCompromise'),
      reasons('keyCompromise', 'certificateHold'),
      reasons('certificateHold', 'certificateHold'),
    ];
    for (const [i, entries] of twice.entries()) {
      const base = issuing.crl(
        entries.map((reason) => ({ certificate: bad, reason })),
        { number: 10n },
      );
      const delta = issuing.crl([{ certificate: bad, reason: CrlReason.removeFromCRL }], {
        extensions: extensions(12n, encodeExtensionOf.deltaCrlIndicator(10n)),
      });
      const urls = await Promise.all([base, delta].map((list) => serve((_, reply) => reply.end(list))));
      const { statusOf } = await watch(urls);
      expect(statusOf(bad)).toMatchObject(i < 2 ? { status: 'revoked', reason: 'keyCompromise' } : { status: 'good' });
    }
  });

  it.each([
    ['a delta that is current, though its base is not', DAY / 4, DAY / 2, 'revoked', 'unknown'],
    ['a base that is current, though its delta is not', DAY / 2, DAY / 4, 'unknown', 'revoked'],
  ])('knows a hold from %s', async (_, baseEnds, deltaEnds, inDelta, inBase) => {
    const [held, before] = [issue(), issue()];
    const now = new Date();
    const hold = (certificate: Certificate) => ({ certificate, reason: CrlReason.certificateHold });
    const from = (ends: number) => new Date(now.getTime() + ends);
    const lists = [
      issuing.crl([hold(before)], { number: 10n, nextUpdate: from(baseEnds) }),
      issuing.crl([hold(held)], {
        extensions: extensions(12n, encodeExtensionOf.deltaCrlIndicator(10n)),
        nextUpdate: from(deltaEnds),
      }),
    ];
    const urls = await Promise.all(lists.map((list) => serve((_, reply) => reply.end(list))));
    const { statusOf } = await watch(urls, () => now);
    const statuses = [held, before, good].map((each) => statusOf(each, from(DAY / 3)).status);
    expect(statuses).toEqual([inDelta, inBase, 'unknown']);
  });

  it('tells of each source when it was last in order, of when its list is, and how often it failed; of each outage once', async () => {
    let clock = Math.floor(Date.now() / 1000) * 1000;
    let answer: RequestListener = (_, reply) => reply.writeHead(404).end();
    const list = issuing.crl([], { thisUpdate: new Date(clock - DAY / 4), nextUpdate: new Date(clock + DAY) });
    const url = await serve((request, reply) => {
      answer(request, reply);
    });
    const { events, revocation } = await watch([url], () => new Date(clock));
    const standing = () => revocation.standing[0];
    const none = { readAt: undefined, thisUpdate: undefined, nextUpdate: undefined };
    expect(standing()).toMatchObject({ ...none, failures: expect.any(Number) });
    await until(() => (standing()?.failures ?? 0) > 1);
    answer = ({ headers }, reply) =>
      headers['if-none-match'] === undefined
        ? reply.setHeader('etag', '"1"').end(list)
        : reply.writeHead(304, { etag: '"1"' }).end();
    await until(() => standing()?.isRead === true);
    const { failures } = standing()!;
    const of = { thisUpdate: new Date(clock - DAY / 4), nextUpdate: new Date(clock + DAY) };
    expect(standing()).toMatchObject({ ...of, readAt: new Date(clock) });
    // That it is as it was is news too.
    clock += 1000;
    await until(() => standing()?.readAt?.getTime() === clock);
    for (let outage = 0; outage < 2; outage++) {
      const [good, before] = [answer, standing()!.failures];
      answer = (_, reply) => reply.writeHead(503).end();
      clock += 1000;
      await until(() => standing()!.failures > before);
      expect(standing()).toMatchObject({ ...of, readAt: new Date(clock - 1000) });
      answer = good;
      await until(() => standing()?.readAt?.getTime() === clock);
    }
    expect(standing()?.failures).toBeGreaterThan(failures + 1);
    expect(events.map((event) => (event.kind === 'failed' ? event.why : event.kind))).toEqual([
      'the server answered 404',
      'loaded',
      'the server answered 503',
      'the server answered 503',
    ]);
  });

  it('asks a shard about the certificates that name it, and about no other', async () => {
    const [one, two] = ['http://a.test/1.crl', 'http://a.test/2.crl'];
    const [mine, other] = [issue(one), issue(two)];
    const shard = issuing.crl([{ certificate: mine }], {
      extensions: extensions(1n, encodeExtensionOf.issuingDistributionPoint(one)),
    });
    const { statusOf } = await watch([await serve((_, reply) => reply.end(shard))]);
    expect([mine, other, good].map((each) => statusOf(each).status)).toEqual(['revoked', 'unknown', 'unknown']);
  });

  it('waits for no server once it is stopped', async () => {
    const asked = Promise.withResolvers<undefined>();
    const source = await serve((_, reply) => {
      const more = setInterval(() => reply.write('and on'), 50);
      open.push(() => {
        clearInterval(more);
      });
      reply.write('a list that goes on', () => {
        asked.resolve(undefined);
      });
    });
    const reports: CrlEvent[] = [];
    const revocation = new CrlRevocation([{ source }], () => [], {
      ...{ refreshInterval: 20, clock: () => new Date(), report: (event: CrlEvent) => reports.push(event) },
      startWait: 60_000,
    });
    const started = revocation.start();
    await asked.promise;
    revocation.stop();
    await started;
    expect(reports).toEqual([]);
  }, 10_000);

  it('looks again by chance, sooner after a failure and before the end', () => {
    const now = new Date();
    const of = (failures: number, random: number, source = 'http://a.test/x.crl', left = Infinity) => {
      const index = left === Infinity ? undefined : ({ list: { nextUpdate: new Date(now.getTime() + left) } } as never);
      return nextLook({ source: { source }, failures, index }, { interval: 60_000, now, random });
    };
    expect([of(0, 0), of(0, 0.5), of(0, 1)].map(Math.round)).toEqual([54_000, 60_000, 66_000]);
    expect([1, 2, 3, 9].map((failures) => of(failures, 0.5))).toEqual([1000, 2000, 4000, 60_000]);
    expect(of(0, 0.5, 'http://a.test/x.crl', 30_000)).toBe(15_000);
    expect(of(3, 0, '/a/file.crl')).toBe(1000);
  });
});
