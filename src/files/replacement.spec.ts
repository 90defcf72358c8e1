import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { temporaryFolder } from '../../test/support/folder.js';
import { Replacement } from './index.js';

const isRoot = process.geteuid?.() === 0;
const SOMEBODY = 65_534;
let folder: string;
const path = (name: string): string => join(folder, name);
const text = (name: string): string => readFileSync(path(name), 'utf8');
beforeEach(() => {
  folder = temporaryFolder();
});

test('is not seen before it is in its place, whole, with its mode', () => {
  writeFileSync(path('a'), 'old');
  const replacement = new Replacement(path('a'), 0o640).write('new, ').write(Buffer.from('and whole')).flush();
  expect([text('a'), readdirSync(folder).length]).toEqual(['old', 2]);
  replacement.place();
  expect([text('a'), lstatSync(path('a')).mode & 0o777]).toEqual(['new, and whole', 0o640]);
  expect(readdirSync(folder)).toEqual(['a']);
});

test('takes the place of no file where it is asked not to', () => {
  expect(new Replacement(path('a'), 0o600).write('one').placeAnew()).toBe(true);
  expect(new Replacement(path('a'), 0o600).write('two').placeAnew()).toBe(false);
  expect([text('a'), readdirSync(folder)]).toEqual(['one', ['a']]);
});

test('takes away what one of the same file left that was killed, and nothing of another file or of a minute ago', () => {
  const names = ['.a.0123456789ab.tmp', '.a.ba9876543210.tmp', '.b.0123456789ab.tmp'];
  for (const name of names) writeFileSync(path(name), 'half a key');
  // A clock that was set back since: it was left all the same.
  for (const [index, offset] of [-61_000, 3_600_000, -61_000].entries()) {
    const time = new Date(Date.now() + offset);
    utimesSync(path(names[index] ?? ''), time, time);
  }
  writeFileSync(path('.a.abcdefabcdef.tmp'), 'being written');
  new Replacement(path('a'), 0o600).write('new').place();
  expect(readdirSync(folder).sort()).toEqual(['.a.abcdefabcdef.tmp', '.b.0123456789ab.tmp', 'a']);
});

test('leaves no file open, whether it is placed or not', () => {
  const open = (): number => readdirSync('/dev/fd').length;
  const before = open();
  mkdirSync(path('folder'));
  expect(() => new Replacement(path('folder'), 0o600)).toThrow(/^EISDIR/);
  new Replacement(path('a'), 0o600).discard();
  new Replacement(path('a'), 0o600).write('one').place();
  expect(new Replacement(path('a'), 0o600).placeAnew()).toBe(false);
  new Replacement(path('b'), 0o600).flush().discard();
  expect(open()).toBe(before);
});

test('is gone when it is discarded, once or twice, but not from its place', () => {
  const discarded = new Replacement(path('a'), 0o600).write('one');
  discarded.discard();
  discarded.discard();
  expect(readdirSync(folder)).toEqual([]);
  const placed = new Replacement(path('a'), 0o600).write('two');
  placed.place();
  placed.discard();
  expect(text('a')).toBe('two');
});

test('takes no place in a folder that cannot be read, where nobody could make sure that it stays', () => {
  writeFileSync(path('a'), 'old');
  if (isRoot) chownSync(folder, SOMEBODY, SOMEBODY);
  chmodSync(folder, 0o300);
  if (isRoot) process.seteuid?.(SOMEBODY);
  try {
    const replacement = new Replacement(path('a'), 0o600).write('new');
    expect(() => {
      replacement.place();
    }).toThrow(/^EACCES/);
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(folder, 0o700);
  }
  expect([text('a'), readdirSync(folder)]).toEqual(['old', ['a']]);
});

test('leaves nothing behind where it cannot be', () => {
  mkdirSync(path('a'));
  expect(() => new Replacement(path('a'), 0o600)).toThrow(/^EISDIR/);
  const late = new Replacement(path('b'), 0o600).write('one');
  mkdirSync(path('b'));
  expect(() => {
    late.place();
  }).toThrow(/^EISDIR/);
  expect(() => new Replacement(path('missing/c'), 0o600)).toThrow(/^ENOENT/);
  expect(readdirSync(folder).sort()).toEqual(['a', 'b']);
  mkdirSync(path('closed'));
  chmodSync(path('closed'), 0o500);
  if (!isRoot) expect(() => new Replacement(path('closed/d'), 0o600)).toThrow(/^EACCES/);
});

test('what root replaces stays whose it was; a link says nothing about that, and what it leads to is left alone', () => {
  for (const name of ['own', 'victim']) writeFileSync(path(name), 'old');
  symlinkSync(path('victim'), path('link'));
  if (isRoot) chownSync(path('own'), SOMEBODY, SOMEBODY);
  for (const name of ['own', 'link']) new Replacement(path(name), 0o600).write('new').place();
  expect(lstatSync(path('own')).uid).toBe(isRoot ? SOMEBODY : process.getuid?.());
  expect(lstatSync(path('link')).isFile()).toBe(true);
  expect(lstatSync(path('victim')).size).toBe(3);
});
