import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyFileSync, existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { temporaryFolder } from '../../test/support/folder.js';
import { describeWithMounts, fillDisk, mountDisk } from '../../test/support/mounts.js';
import { readingThread } from '../../test/support/reading-thread.js';
import { insertIssuer, listIssuers } from './issuer.store.js';
import { openStore } from './open-store.js';
import { SqliteCheckpoints } from './sqlite-checkpoints.js';
import { SqliteThread } from './sqlite-thread.js';
import type { Store } from './store.js';

const MEBIBYTE = 1024 * 1024;
const OCTETS = new Uint8Array(MEBIBYTE).fill(7);

let folder: string;
let path: string;
let store: Store;
let written: number;
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'veritas.db');
  written = 0;
});
afterEach(() => store.close());

/** One commit, of a mebibyte and some. */
async function commit(): Promise<void> {
  const id = `issuer-${written}`;
  const row = { id, role: 'root' as const, parent: id, der: OCTETS, created_at: 1 };
  await store.transaction((transaction) => insertIssuer(transaction, row));
  written++;
}
async function commitUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await commit();
}

/** The pages in the log, and those of them that are in the file, as another connection sees it. */
function logState(): { readonly log: number; readonly checkpointed: number } {
  const other = new DatabaseSync(path, { readOnly: true });
  const state = other.prepare('pragma wal_checkpoint(noop)').get() as { log: number; checkpointed: number };
  other.close();
  return state;
}
/** Rows in the file alone, without the log. */
function rowsInFile(): number {
  const copy = join(folder, 'copy.db');
  copyFileSync(path, copy);
  const alone = new DatabaseSync(copy);
  expect(alone.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' });
  const row = alone.prepare('select count(*) as count from issuer').get();
  alone.close();
  rmSync(copy);
  return Number(row?.count);
}

it('checkpoints that cannot be made in their thread are made by the writer', async () => {
  store = await openStore({ path });
  await commit();
  const writer = new SqliteThread(path, { statementTimeout: 100 });
  const checkpoints = new SqliteCheckpoints(join(folder, 'nowhere', 'veritas.db'));
  try {
    expect(logState()).toMatchObject({ checkpointed: 0 });
    while (logState().checkpointed === 0) {
      checkpoints.committed({ log: 5000, checkpointed: 1 }, writer);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } finally {
    await checkpoints.close();
    await writer.close();
  }
  expect(await listIssuers(store.database)).toHaveLength(written);
}, 5000);

describe('checkpoints of a SQLite store', () => {
  it('come by themselves, and the log begins anew', async () => {
    store = await openStore({ path });
    let highest = 0;
    await commitUntil(() => {
      const { log } = logState();
      const isNew = log < highest;
      highest = Math.max(highest, log);
      return isNew;
    });
    // 16 MiB, and what was written during the checkpoint.
    expect(written).toBeGreaterThanOrEqual(16);
    expect(highest).toBeGreaterThan(4096);
    expect(await listIssuers(store.database)).toHaveLength(written);
  }, 30_000);

  it('are held up by a reader, whose rows stay what they were, and are made up for when it ends', async () => {
    store = await openStore({ path });
    await commit();
    await store.snapshot(async (database) => {
      expect(await listIssuers(database)).toHaveLength(1);
      // Past the length that the log is cut to.
      await commitUntil(() => logState().log > 70 * 256);
      expect(logState().checkpointed).toBeLessThan(600);
      expect(await listIssuers(database)).toHaveLength(1);
    });
    const size = () => statSync(`${path}-wal`).size;
    expect(size()).toBeGreaterThan(70 * MEBIBYTE);
    await commitUntil(() => size() <= 64 * MEBIBYTE);
    expect(await listIssuers(store.database)).toHaveLength(written);
  }, 60_000);

  it('are whole at the end: the file is all there is', async () => {
    store = await openStore({ path });
    await commitUntil(() => written === 20);
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(rowsInFile()).toBe(20);
  }, 30_000);

  it('are whole at the end also when what was long was read just before', async () => {
    store = await openStore({ path });
    await commit();
    await store.snapshot((database) => listIssuers(database), readingThread());
    await commit();
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(rowsInFile()).toBe(2);
  });
});

describeWithMounts('checkpoints on a disk that is full', () => {
  it('wait for room, and nothing that was durable is lost', async () => {
    const disk = join(folder, 'disk');
    mountDisk(disk, 64 * MEBIBYTE);
    path = join(disk, 'veritas.db');
    store = await openStore({ path });
    await commit();
    // Room for the log, and not for the file.
    const makeRoom = fillDisk(disk, 20 * MEBIBYTE);
    await expect(commitUntil(() => false)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(written).toBeGreaterThanOrEqual(16);
    makeRoom();
    const before = written;
    await commitUntil(() => written === before + 5);
    expect(await listIssuers(store.database)).toHaveLength(written);
    await store.close();
    expect(rowsInFile()).toBe(written);
  }, 30_000);
});
