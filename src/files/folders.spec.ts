import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../test/support/folder.js';
import { makeFolders } from './index.js';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

test('makes what is missing with the mode, says what that was, and leaves what is there', () => {
  mkdirSync(path('there'), 0o755);
  expect(makeFolders(path('there/a/b'), 0o700)).toEqual([path('there/a'), path('there/a/b')]);
  expect(makeFolders(path('there/a/b'), 0o755)).toEqual([]);
  expect(['there', 'there/a', 'there/a/b'].map((name) => statSync(path(name)).mode & 0o777)).toEqual([
    0o755, 0o700, 0o700,
  ]);
});

test('below a file there is no folder', () => {
  writeFileSync(path('file'), '');
  expect(() => makeFolders(path('file/a/b'), 0o700)).toThrow('ENOTDIR');
  expect(() => makeFolders(path('file'), 0o700)).toThrow('EEXIST');
});

// There the kernel says ENOENT to who makes a folder in one that is there, as autofs does.
(existsSync('/proc/self') ? test : test.skip)('ends where no folder can be made', () => {
  expect(() => makeFolders('/proc/veritas/a', 0o700)).toThrow('ENOENT');
});
