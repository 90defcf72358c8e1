import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/folder.js';
import { draftOf } from './public-file.js';

const folder = temporaryFolder();

test('the folders of a file are made for all to read, and what is there keeps its mode', async () => {
  mkdirSync(join(folder, 'there'), 0o700);
  const mask = process.umask(0o077);
  try {
    const draft = await draftOf(join(folder, 'there/a/b/issuing.crl'));
    expect(dirname(draft)).toBe(join(folder, 'there/a/b'));
  } finally {
    process.umask(mask);
  }
  expect(['there', 'there/a', 'there/a/b'].map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([
    0o700, 0o755, 0o755,
  ]);
});

test('a file at the place of the folder is what the file system says', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(draftOf(join(folder, 'file/issuing.crl'))).rejects.toThrow('EEXIST');
});

// There the kernel says ENOENT to who makes a folder in one that is there, as autofs does.
(existsSync('/proc/self') ? test : test.skip)('ends where no folder can be made', async () => {
  await expect(draftOf('/proc/veritas/crl/issuing.crl')).rejects.toThrow('ENOENT');
});
