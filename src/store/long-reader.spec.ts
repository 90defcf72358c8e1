import { expect, it } from '@jest/globals';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { temporaryFolder } from '../../test/support/folder.js';
import { threadsStartedBy } from '../../test/support/threads.js';
import { LongReader } from './long-reader.js';

function make(path: string, name: string): string {
  const database = new DatabaseSync(path);
  database.exec(`create table it (name text); insert into it values ('${name}')`);
  database.close();
  return path;
}

const nameIn = async (reader: LongReader): Promise<string | undefined> =>
  reader.read(async (database) => {
    const { rows } = await sql<{ name: string }>`select name from it`.execute(database);
    return rows[0]?.name;
  });

it('has one thread for what is read one after the other, and another file has another', async () => {
  const folder = temporaryFolder();
  const path = make(join(folder, 'store.db'), 'the first');
  const reader = new LongReader(path, 100);
  expect(
    await threadsStartedBy(async () => {
      const read = await Promise.all([nameIn(reader), nameIn(reader), nameIn(reader)]);
      expect(read).toEqual(['the first', 'the first', 'the first']);
      await expect(reader.read(() => Promise.reject(new Error('of the work')))).rejects.toThrow('of the work');
      expect(await nameIn(reader)).toBe('the first');
    }),
  ).toBe(1);
  renameSync(make(join(folder, 'other.db'), 'the second'), path);
  expect(await nameIn(reader)).toBe('the second');
  await reader.close();
  // Nothing ended for good: what is asked later has a thread of its own.
  expect(await nameIn(reader)).toBe('the second');
  await reader.close();
});
