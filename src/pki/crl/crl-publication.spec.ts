import { expect, it } from '@jest/globals';
import type { KyselyPlugin } from 'kysely';
import { spawnSync } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../../../test/support/folder.js';
import { describeOnEachStore } from '../../../test/support/postgres.js';
import { openTemporaryAuthority, somebody } from '../../../test/support/temporary-authority.js';
import { EventBus } from '../../events/index.js';
import type { Store } from '../../store/index.js';
import { CrlReason, decodeCertificateList, encodeRevokedCertificate } from '../../x509/index.js';
import { CheckedEntries } from './checked-entries.js';
import { CrlFile } from './crl-file.js';
import { CrlPublication, readPublished } from './crl-publication.js';
import { SignedCrl } from './signed-crl.js';

const place = { issuer: 'issuing', scope: 'complete' };
const algorithm = { oid: '1.2.3', parameters: undefined, der: Uint8Array.of(0x05, 0x00) };

it('a list that was so long in the making that its draft was taken for one left behind is published all the same', async () => {
  const { store, folder, close } = await openTemporaryAuthority();
  const crlFolder = join(folder, 'crl');
  const publication = new CrlPublication({ store, events: new EventBus(), folder: crlFolder });
  const draft = (await publication.draft(place)) ?? '';
  const about = { isDelta: false, thisUpdate: new Date(), isLarge: true };
  const entry = encodeRevokedCertificate({
    serialNumber: randomBytes(16),
    revocationDate: new Date(0),
    reason: CrlReason.superseded,
  });
  const openFile = () => CrlFile.open(draft, { ...about, room: 90, expected: 0 });
  const entries = await CheckedEntries.check([Buffer.from(entry)], { ...about, openFile });
  const crl = new SignedCrl({ before: randomBytes(90), entries, after: randomBytes(60) }, algorithm, randomBytes(64));
  const written = await publication.complete(place, crl);
  const whole = Buffer.from(await crl.whole());
  // An hour passes, or the clock is set forward, and another list is begun in the same folder.
  utimesSync(draft, new Date(0), new Date(0));
  await publication.draft({ ...place, scope: 'delta' });
  await publication.draft(place);
  expect(readdirSync(crlFolder)).not.toContain(draft.slice(crlFolder.length + 1));
  await written?.place();
  const path = join(crlFolder, 'issuing.crl');
  expect(readFileSync(path).equals(whole)).toBe(true);
  expect(hash('sha256', whole)).toBe(written?.sha256);
  expect(statSync(path).mode & 0o777).toBe(0o644);
  await crl.dispose();
  publication.close();
  await close();
});

it('a file that is cut off while it is compared with its row is taken for none, and given back', async () => {
  const { place: database, folder, store, reopen, close } = await openTemporaryAuthority();
  const { crls } = await reopen();
  await crls.sign('issuing', somebody);
  // The next one is taken for too large for its row.
  await database.query('update crl set octets = 2000000');
  await crls.sign('issuing', somebody);
  const crlFolder = join(folder, 'var/crl');
  const path = join(crlFolder, 'issuing.crl');
  const isOpen = (name = path) =>
    readdirSync('/proc/self/fd').some((file) => targetOf(join('/proc/self/fd', file)) === name);
  expect(isOpen()).toBe(true);
  // So is one that another has replaced.
  await database.query('update crl set octets = 2000000 where der is null');
  await crls.sign('issuing', somebody);
  while (isOpen(`${path} (deleted)`)) await setTimeout(5);
  crls.close();
  while (isOpen()) await setTimeout(5);
  // It takes a moment to read, though it has no more on the disk.
  const octets = 64_000_000;
  truncateSync(path, octets);
  await database.query(`update crl set octets = ${octets} where der is null`);
  const publication = new CrlPublication({ store, events: new EventBus(), folder: crlFolder });
  const served = publication.serveLast(place);
  while (!isOpen()) await setTimeout(1);
  truncateSync(path, 1_000);
  expect(await served).toBeUndefined();
  while (isOpen()) await setTimeout(5);
  publication.close();
  await close();
});

/** Where a link leads; undefined when it is gone. */
function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

/** A pipe for writing, once somebody has it open for reading. */
function openedByReader(pipe: string): number | undefined {
  try {
    return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describeOnEachStore('the publication of lists', (kind, newPlace) => {
  it('is for others to read, whatever the umask of whoever signs', async () => {
    const umask = process.umask(0o077);
    try {
      const { authority, place, folder, settings, reopen, close } = await openTemporaryAuthority({ newPlace });
      const { crls } = await reopen({ settings: { ...settings, crlDeltaLifetime: 3600 } });
      await crls.sign('issuing', somebody);
      await crls.sign('issuing', somebody, 'delta');
      const at = (...names: string[]) => join(folder, 'var/crl', ...names);
      const modes = () => [at(), at('issuing'), at('issuing/delta.crl'), at('issuing.crl')].map(modeOf);
      expect(modes()).toEqual([0o755, 0o755, 0o644, 0o644]);
      // The next one is taken for too large for its row, and comes to another node in pieces.
      await place.query('update crl set octets = 2000000');
      await crls.sign('issuing', somebody);
      expect(modes()).toEqual([0o755, 0o755, 0o644, 0o644]);
      if (kind === 'PostgreSQL') {
        const elsewhere = join(temporaryFolder(), 'made/crl');
        const node = new CrlPublication({ store: authority.store, events: new EventBus(), folder: elsewhere });
        await node.serveLast({ issuer: 'issuing', scope: 'complete' });
        expect([elsewhere, join(elsewhere, 'issuing.crl')].map(modeOf)).toEqual([0o755, 0o644]);
        node.close();
      }
      await close();
    } finally {
      process.umask(umask);
    }
  });

  it('puts no list in the place of a newer one that another process put there meanwhile', async () => {
    const { folder, settings, store, reopen, close } = await openTemporaryAuthority({ newPlace });
    const { crls } = await reopen({ settings: { ...settings, crlDirectory: undefined! } });
    await crls.sign('issuing', somebody);
    const crlFolder = join(folder, 'var/crl');
    const [path, pipe] = [join(crlFolder, 'issuing.crl'), join(crlFolder, 'pipe')];
    // What is in the place is read first: of a pipe until whoever writes there ends.
    mkdirSync(crlFolder, { recursive: true });
    expect(spawnSync('sh', ['-c', 'mkfifo "$0"', path]).status).toBe(0);
    linkSync(path, pipe);
    const node = new CrlPublication({ store, events: new EventBus(), folder: crlFolder });
    const served = node.serveLast(place);
    let writer: number | undefined;
    while ((writer = openedByReader(pipe)) === undefined) await setTimeout(1);
    const newer = await crls.sign('issuing', somebody);
    writeFileSync(join(crlFolder, 'newer'), await readPublished(newer));
    // Its number is nobody else's while it has another name too.
    linkSync(join(crlFolder, 'newer'), join(crlFolder, 'kept'));
    renameSync(join(crlFolder, 'newer'), path);
    const { ino } = statSync(path);
    closeSync(writer);
    expect((await served)?.number).toBe(2);
    expect(statSync(path).ino).toBe(ino);
    node.close();
    await close();
  });

  it('is of the newer list when one is replaced while it is taken up', async () => {
    const { authority, place: database, store, reopen, close } = await openTemporaryAuthority({ newPlace });
    const { crls } = await reopen();
    const sign = () => crls.sign('issuing', somebody);
    /** Of a node that is so slow that another list is signed once it has heard of the last one. */
    const slowly = async (): Promise<{ number: number | undefined; published: readonly (readonly bigint[])[] }> => {
      let meanwhile: (() => Promise<unknown>) | undefined = sign;
      const plugin: KyselyPlugin = {
        transformQuery: ({ node }) => node,
        transformResult: async ({ result }) => {
          const work = meanwhile;
          meanwhile = undefined;
          await work?.();
          return result;
        },
      };
      const slow = Object.create(store, { database: { value: store.database.withPlugin(plugin) } }) as Store;
      const events = new EventBus();
      const node = new CrlPublication({ store: slow, events, folder: temporaryFolder() });
      const octets: [number, Promise<Uint8Array>][] = [];
      events.on('crl.published', ({ number }) => octets.push([number, readPublished(node.current(place)!)]));
      const served = await node.serveLast(place);
      const numberIn = (list: Uint8Array) => decodeCertificateList(list).extensions.crlNumber ?? 0n;
      const published = await Promise.all(
        octets.map(async ([number, list]) => [BigInt(number), numberIn(await list)] as const),
      );
      node.close();
      return { number: served?.number, published };
    };
    await sign();
    expect(await slowly()).toEqual({
      number: 2,
      published: [
        [1n, 1n],
        [2n, 2n],
      ],
    });
    if (kind === 'PostgreSQL') {
      await database.query('update crl set octets = 2000000');
      await sign();
      await database.query('update crl set octets = 2000000 where der is not null');
      // The pieces of the one go when the next is there.
      expect(await slowly()).toEqual({ number: 4, published: [[4n, 4n]] });
      expect(await authority.crls.publishIfDue(somebody)).toMatchObject([{ issuer: 'root' }]);
    }
    await close();
  });
});
