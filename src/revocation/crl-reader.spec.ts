import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isSharedArrayBuffer } from 'node:util/types';
import { withoutThreads } from '../../test/support/threads.js';
import { TestCa } from '../testing/index.js';
import {
  CrlReason,
  encodeExtensionOf,
  encodePem,
  encodeRevokedCertificate,
  encodeSigned,
  encodeTbsCertList,
  indexCrl,
  MAX_CRL_OCTETS,
  signingSchemeFor,
  signOctets,
  type Certificate,
  type CrlIndex,
} from '../x509/index.js';
import { CrlReader } from './crl-reader.js';
import { CrlRevocation, type CrlEvent } from './crl-revocation.js';
import { fetchCrl } from './crl-source.js';
import { CrlThread } from './crl-thread.js';

const DAY = 86_400_000;
const root = TestCa.root();
const issuing = root.intermediate();
const issuers = [root.certificate, issuing.certificate];
const [good, bad] = [issuing.issue({}).certificate, issuing.issue({}).certificate];

const folder = mkdtempSync(join(tmpdir(), 'veritas-crl-reader-'));
const ends: (() => void)[] = [
  () => {
    rmSync(folder, { recursive: true });
  },
];
afterAll(() => {
  for (const end of ends) end();
});
const threadFor = (options: ConstructorParameters<typeof CrlThread>[0] = {}): CrlThread => {
  const thread = new CrlThread(options);
  ends.push(() => {
    thread.close();
  });
  return thread;
};

const entryOf = (serialNumber: Uint8Array, reason = 0): Uint8Array =>
  encodeRevokedCertificate({ serialNumber, revocationDate: new Date(0), reason });
const entryFor = ({ serialNumber }: Certificate): Uint8Array => entryOf(Buffer.from(serialNumber, 'hex'));

function listOf(
  entries: readonly Uint8Array[],
  { number = 1n, base, from = -1, until = 1 }: { number?: bigint; base?: bigint; from?: number; until?: number } = {},
): Uint8Array {
  const tbs = encodeTbsCertList({
    signatureAlgorithm: signingSchemeFor(issuing.key).algorithm,
    issuer: issuing.certificate.subject,
    thisUpdate: new Date(Date.now() + from * DAY),
    nextUpdate: new Date(Date.now() + until * DAY),
    revokedCertificates: entries,
    extensions: [
      encodeExtensionOf.crlNumber(number),
      ...(base === undefined ? [] : [encodeExtensionOf.deltaCrlIndicator(base)]),
    ],
  });
  const { algorithm, signature } = signOctets(tbs, issuing.key);
  return encodeSigned(tbs, algorithm, signature);
}

/** Of 1.2 MiB: what the thread is for. */
const crowd = Array.from({ length: 25_000 }, () => entryOf(Buffer.concat([Buffer.of(1), randomBytes(15)]), 4));
const largeList = (...entries: readonly Uint8Array[]): Uint8Array => listOf([...crowd, ...entries]);

let files = 0;
function fileWith(octets: Uint8Array, path = join(folder, `${++files}.crl`)): string {
  writeFileSync(`${path}.tmp`, octets);
  renameSync(`${path}.tmp`, path);
  return path;
}

/** By which certificates of the CAs, and what it came to. */
async function outcome(index: Promise<CrlIndex>, serials: readonly string[]): Promise<unknown> {
  try {
    const { list, issuer, revoked } = await index;
    const answers = serials.map((serial) => [revoked.has(serial), revoked.find(serial)]);
    return [list.extensions.crlNumber, list.thisUpdate, issuer.fingerprint256, revoked.size, answers];
  } catch (error) {
    return String(error);
  }
}

describe('a list that is read by the thread', () => {
  it('is taken or refused, and answers, as one that is read in place', async () => {
    const thread = threadFor();
    const there = async (octets: Uint8Array, now: Date): Promise<CrlIndex> => {
      const shared = new Uint8Array(new SharedArrayBuffer(octets.length));
      shared.set(octets);
      return new CrlReader(thread).read(shared, issuers, now);
    };
    const entry = fc
      .tuple(
        fc.uint8Array({ minLength: 1, maxLength: 20 }).filter((octets) => octets.some((octet) => octet > 0)),
        fc.constantFrom(0, 1, 6, CrlReason.removeFromCRL),
      )
      .map((parts) => entryOf(...parts));
    const kinds: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 12 }),
        fc.constantFrom(undefined, undefined, 3n, 9n),
        fc.constantFrom<readonly [number, number]>([-1, 1], [-1, 1], [-1, 1], [-2, -1], [1, 2]),
        fc.constantFrom('entry', 'list', 'end', 'nothing', 'nothing', 'PEM', 'PEM cut'),
        fc.nat(),
        fc.nat(255),
        async (entries, base, [from, until], change, at, octet) => {
          const written = entries.map((each) => Uint8Array.from(each));
          const [first] = written;
          if (change === 'entry' && first) first[at % first.length] = octet;
          let list = listOf(written, { number: 7n, ...(base === undefined ? {} : { base }), from, until });
          if (change === 'list') list[at % list.length] = octet;
          if (change === 'end') list = list.subarray(0, at % list.length);
          if (change.startsWith('PEM')) list = Buffer.from(encodePem('X509 CRL', list));
          if (change === 'PEM cut') list = list.subarray(0, at % list.length);
          const serials = [
            '00',
            '-01',
            '0102',
            ...entries.map((each) => Buffer.from(each.subarray(4, 4 + (each[3] ?? 0))).toString('hex')),
          ];
          const time = new Date();
          const here = await outcome(indexCrl(list, { issuers, now: time, seed: at }), serials);
          expect(await outcome(there(list, time), serials)).toEqual(here);
          const kind = typeof here === 'string' ? here.replace(/\W.*/s, '') : 'taken';
          kinds[kind] = (kinds[kind] ?? 0) + 1;
        },
      ),
      { numRuns: 200 },
    );
    // Of each kind enough to mean something.
    for (const kind of ['taken', 'CrlRefusedError', 'DecodeError'])
      expect([kind, kinds[kind]! > 10]).toEqual([kind, true]);
  }, 60_000);

  it('goes by its size', async () => {
    const ofThread: boolean[] = [];
    for (const octets of [listOf([entryFor(bad)]), largeList(entryFor(bad))]) {
      const reader = new CrlReader(threadFor());
      const fetched = await reader.fetch(fileWith(octets), undefined);
      const { list, revoked } = await reader.read(fetched!.octets, issuers, new Date());
      expect([revoked.has(bad.serialNumber), revoked.has(good.serialNumber)]).toEqual([true, false]);
      expect(Buffer.from(list.der).equals(octets)).toBe(true);
      ofThread.push(list.der.buffer instanceof ArrayBuffer);
    }
    expect(ofThread).toEqual([true, false]);
  });

  it('may be PEM of several MiB', async () => {
    const reader = new CrlReader(threadFor());
    const der = listOf([...crowd, ...crowd, ...crowd, ...crowd, entryFor(bad)]);
    const fetched = await reader.fetch(fileWith(Buffer.from(encodePem('X509 CRL', der))), undefined);
    const { list, revoked } = await reader.read(fetched!.octets, issuers, new Date());
    expect(Buffer.from(list.der).equals(der)).toBe(true);
    expect([revoked.size, revoked.has(bad.serialNumber)]).toEqual([crowd.length + 1, true]);
  });

  it('gives its memory to the one after the next, and to none while it is in use', async () => {
    const path = fileWith(largeList());
    const reader = new CrlReader(threadFor());
    const next = async (...entries: readonly Uint8Array[]): Promise<CrlIndex> => {
      fileWith(largeList(...entries), path);
      const fetched = await reader.fetch(path, undefined);
      return reader.read(fetched!.octets, issuers, new Date());
    };
    const buffers = new Set<unknown>();
    let released: Uint8Array | undefined;
    let inUse = await next();
    for (let i = 0; i < 6; i++) {
      const one = issuing.issue({}).certificate;
      const newer = await next(entryFor(one));
      expect([newer, inUse].map(({ revoked }) => revoked.has(one.serialNumber))).toEqual([true, false]);
      expect(inUse.revoked.size).toBe(crowd.length + (i === 0 ? 0 : 1));
      // The memory of tables, seen through what is left of those before.
      const { tags } = newer.revoked.table;
      if (released && i > 1) expect(Buffer.from(released.buffer).equals(Buffer.from(tags.buffer))).toBe(true);
      released = inUse.revoked.table.tags;
      reader.release(inUse);
      inUse = newer;
      buffers.add(newer.list.der.buffer);
    }
    expect(buffers.size).toBe(2);
    // What was fetched and is no list, or not all of one, gives back its memory too.
    writeFileSync(path, largeList().subarray(0, -1));
    const broken = await reader.fetch(path, undefined);
    await expect(reader.read(broken!.octets, issuers, new Date())).rejects.toThrow(/cut off/);
    const again = await next();
    expect(buffers.has(again.list.der.buffer)).toBe(true);
  });

  it('has memory of its own beside another one that comes meanwhile, and where what was left is too small', async () => {
    const reader = new CrlReader(threadFor());
    const fetch = async (octets: Uint8Array) => (await reader.fetch(fileWith(octets), undefined))!.octets;
    const read = (octets: Uint8Array) => reader.read(octets, issuers, new Date());
    reader.release(await read(await fetch(largeList())));
    const [one, other] = [await fetch(largeList()), await fetch(largeList(entryFor(bad)))];
    const both = [await read(one), await read(other)];
    expect(both.map(({ revoked }) => revoked.has(bad.serialNumber))).toEqual([false, true]);
    for (const each of both) reader.release(each);
    const grown = await read(await fetch(listOf([...crowd, ...crowd.slice(0, 10_000), entryFor(bad)])));
    expect(grown.revoked.has(bad.serialNumber)).toBe(true);
  });

  it('is not read any more once the reader is closed: no thread begins again', async () => {
    const thread = threadFor();
    const reader = new CrlReader(thread);
    const fetched = await reader.fetch(fileWith(largeList()), undefined);
    reader.close();
    const before = threads();
    await expect(reader.read(fetched!.octets, issuers, new Date())).rejects.toThrow('closed');
    await expect(reader.fetch(fileWith(largeList()), undefined)).rejects.toThrow('closed');
    expect([...threads().keys()].filter((id) => !before.has(id))).toEqual([]);
  });

  it('is not read when the reader is closed while it waits for its turn', async () => {
    const reader = new CrlReader(threadFor());
    const fetch = () => reader.fetch(fileWith(largeList()), undefined);
    const reading = [await fetch(), await fetch()].map((each) => reader.read(each!.octets, issuers, new Date()));
    reader.close();
    expect(
      (await Promise.allSettled(reading)).map((each) => each.status === 'rejected' && String(each.reason)),
    ).toEqual([
      expect.stringContaining('was ended'),
      expect.stringContaining('the reader of revocation lists is closed'),
    ]);
  });

  it('from a server that does not say how long it is is put together where threads see it, and its room used again', async () => {
    const octets = largeList(entryFor(bad));
    const server = createServer((_, reply) => {
      for (let at = 0; at < octets.length; at += 10_000) reply.write(octets.subarray(at, at + 10_000));
      reply.end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    ends.push(() => server.close());
    const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const rooms: number[] = [];
    const room = (length: number): Uint8Array => Buffer.alloc(rooms[rooms.push(length) - 1] ?? 0);
    expect(Buffer.compare((await fetchCrl(source, undefined, { room }))!.octets, octets)).toBe(0);
    expect(rooms).toEqual([octets.length]);
    const reader = new CrlReader(threadFor());
    const read = async (): Promise<CrlIndex> =>
      reader.read((await reader.fetch(source, undefined))!.octets, issuers, new Date());
    const index = await read();
    expect(isSharedArrayBuffer(index.list.der.buffer)).toBe(true);
    expect([index.revoked.has(bad.serialNumber), index.revoked.size]).toEqual([true, crowd.length + 1]);
    reader.release(index);
    expect((await read()).list.der.buffer).toBe(index.list.der.buffer);
  });

  it.each([
    ['that never ends', Infinity, {}],
    ['that is said to be as long as any, and lacks an octet', MAX_CRL_OCTETS - 1, { 'content-length': MAX_CRL_OCTETS }],
  ])('%s takes the memory of one while it comes, and gives it back', async (_, octets, headers) => {
    const piece = Buffer.alloc(64 * 1024, 0x30);
    const server = createServer((__, reply) => {
      let left = octets;
      const more = (): void => {
        for (let goesOn = true; goesOn && !reply.destroyed && left > 0; left -= piece.length)
          goesOn = reply.write(piece.subarray(0, left), () => left > 0 || reply.destroy());
      };
      reply.writeHead(200, headers).on('drain', more);
      more();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    ends.push(() => server.close());
    const mebibytes = (): number => Math.round(process.memoryUsage.rss() / 1024 / 1024);
    const before = mebibytes();
    let most = before;
    const looking = setInterval(() => (most = Math.max(most, mebibytes())), 5);
    const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await expect(new CrlReader(threadFor()).fetch(source, undefined)).rejects.toThrow(/more octets|other side closed/);
    clearInterval(looking);
    // Besides the list: what the streams leave until memory is looked through, some 90 MiB and 60. Rooms that grow and are kept came to 470.
    expect(most - before).toBeLessThan(256 + 176);
    expect(mebibytes() - before).toBeLessThan(176);
  });

  it('that is small does not have the memory of one that was large', async () => {
    const reader = new CrlReader(threadFor());
    const read = async (octets: Uint8Array): Promise<CrlIndex> => {
      const fetched = await reader.fetch(fileWith(octets), undefined);
      return reader.read(fetched!.octets, issuers, new Date());
    };
    const large = listOf([...crowd, ...crowd, ...crowd, ...crowd]);
    const [one, other] = [await read(large), await read(largeList())];
    reader.release(one);
    const small = await read(largeList(entryFor(bad)));
    reader.release(other);
    expect(small.list.der.buffer.byteLength).toBeLessThan(2 * small.list.der.length);
    expect(small.revoked.table.tags.buffer.byteLength).toBeLessThan(2 * 9 * small.revoked.size);
    // Both give theirs to the next of their size.
    expect((await read(large)).list.der.buffer).toBe(one.list.der.buffer);
    expect((await read(largeList())).list.der.buffer).toBe(other.list.der.buffer);
  });
});

/** What Linux knows of the threads of this process: their ids and how nice they are. */
const threads = (): Map<string, number> =>
  new Map(
    readdirSync('/proc/self/task').flatMap((id) => {
      try {
        const stat = readFileSync(`/proc/self/task/${id}/stat`, 'latin1');
        return [[id, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])]];
      } catch {
        return [];
      }
    }),
  );

describe('the thread', () => {
  it.each([['linux', process.platform === 'linux']])(
    'on %s gives way to the others, and ends when it has had nothing to do',
    async (_, isHere) => {
      if (!isHere) return;
      const before = threads();
      const thread = threadFor({ idle: 20 });
      const reader = new CrlReader(thread);
      const fetched = await reader.fetch(fileWith(largeList()), undefined);
      await reader.read(fetched!.octets, issuers, new Date());
      const nicer = () => [...threads()].filter(([id, nice]) => !before.has(id) && nice > getPriority());
      expect(nicer().map(([, nice]) => nice)).toEqual([19]);
      expect(getPriority()).toBe(before.get(String(process.pid)));
      while (nicer().length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      // Its time does not pass while it has something to do, whatever else is fetched.
      const slow = await reader.fetch(fileWith(largeList()), undefined);
      const pending = reader.read(slow!.octets, issuers, new Date());
      thread.prepare();
      await pending;
      while (nicer().length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      // And there is another one for the next list.
      const next = await reader.fetch(fileWith(largeList(entryFor(bad))), undefined);
      const { revoked } = await reader.read(next!.octets, issuers, new Date());
      expect(revoked.has(bad.serialNumber)).toBe(true);
    },
  );

  it('that there is no thread for makes nobody good, says so, and is tried again', async () => {
    const thread = threadFor();
    const octets = largeList(entryFor(bad));
    const read = async () => {
      const reader = new CrlReader(thread);
      const fetched = await reader.fetch(fileWith(octets), undefined);
      return reader.read(fetched!.octets, issuers, new Date());
    };
    await withoutThreads(() =>
      expect(read()).rejects.toMatchObject({
        name: 'CrlThreadError',
        message: 'the thread that reads revocation lists cannot be started (EAGAIN)',
      }),
    );
    expect((await read()).revoked.size).toBe(crowd.length + 1);
  });

  const answering = (answer: string): string =>
    `import { parentPort } from 'node:worker_threads'; parentPort.on('message', ({ id, octets }) => { ${answer} });`;
  const table = (places: string): string =>
    `parentPort.postMessage({ id, length: octets.length, issuer: 0, table: { seed: 1, size: 0, offsets: new Uint32Array(2), tags: ${places} } })`;
  it('that failed may still write to the memory that it was given: no other list gets that', async () => {
    const file = join(folder, 'failing.mjs');
    writeFileSync(file, answering('parentPort.postMessage(undefined)'));
    const reader = new CrlReader(threadFor({ file: pathToFileURL(file) }));
    const fetch = () => reader.fetch(fileWith(largeList()), undefined);
    const fetched = await fetch();
    await expect(reader.read(fetched!.octets, issuers, new Date())).rejects.toThrow('answered what it was not asked');
    expect((await fetch())!.octets.buffer).not.toBe(fetched!.octets.buffer);
  });

  it.each([
    ['cannot begin', 'await import("./nowhere.js")', /failed \(.*nowhere/],
    ['ends', answering('process.exit(3)'), /ended/],
    ['throws', answering('throw new Error("broken")'), /failed \(broken\)/],
    [
      'runs out of memory',
      answering('for (const all = []; ; ) all.push(new Array(100_000).fill(0.5));'),
      /failed \(.*memory/,
    ],
    ['answers nothing', answering('parentPort.postMessage(undefined)'), /answered what it was not asked/],
    ['answers another question', answering('parentPort.postMessage({ id: 77 })'), /answered what it was not asked/],
    ['answers half of it', answering('parentPort.postMessage({ id, length: 3 })'), /answered what it was not asked/],
    ['gives a table of the wrong kind', answering(table('[0, 0]')), /answered what it was not asked/],
    ['gives a table that is too short', answering(table('new Uint8Array(1)')), /answered what it was not asked/],
  ])('that %s makes nobody good, says so, and is tried again', async (_, source, why) => {
    const name = join(folder, `${++files}`);
    // It does that until it was reported, and afterwards what it should: one may have died before it is asked, which is then another one.
    writeFileSync(
      `${name}.mjs`,
      `import { existsSync } from 'node:fs';
      await import(existsSync('${name}') ? '${new URL('crl-worker.ts', import.meta.url).href}' : '${name}.first.mjs');`,
    );
    writeFileSync(`${name}.first.mjs`, source);
    const events: CrlEvent[] = [];
    const taken = Promise.withResolvers<undefined>();
    const revocation = new CrlRevocation(
      [{ source: fileWith(largeList(entryFor(bad))) }],
      () => [root.certificate, issuing.certificate],
      {
        refreshInterval: 20,
        clock: () => new Date(),
        report: (event) => {
          events.push(event);
          if (event.kind === 'failed') writeFileSync(name, '');
          if (event.kind === 'loaded') taken.resolve(undefined);
        },
        reader: new CrlReader(threadFor({ file: pathToFileURL(`${name}.mjs`) })),
      },
    );
    ends.push(() => {
      revocation.stop();
    });
    const statusOf = (certificate: Certificate) => revocation.statusOf(certificate, issuing.certificate, new Date());
    await revocation.start();
    expect(events).toMatchObject([{ kind: 'failed', why: expect.stringMatching(why) }]);
    expect(statusOf(good)).toMatchObject({ status: 'unknown', why: expect.stringMatching(why) });
    expect(statusOf(bad)).toMatchObject({ status: 'unknown' });
    await taken.promise;
    expect(events).toMatchObject([{ kind: 'failed' }, { kind: 'loaded', entries: crowd.length + 1 }]);
    expect([statusOf(good).status, statusOf(bad).status]).toEqual(['good', 'revoked']);
  });
});
