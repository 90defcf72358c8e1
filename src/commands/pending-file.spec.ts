import { chownSync, lstatSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../test/support/folder.js';
import { PendingFile } from './pending-file.js';

const isRoot = process.geteuid?.() === 0;
const SOMEBODY = 65_534;

test('what root replaces stays whose it was; a link says nothing about that, and what it leads to is left alone', () => {
  const folder = temporaryFolder();
  const [own, victim, link] = ['own.pem', 'victim.pem', 'link.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [own, victim]) writeFileSync(path, 'old');
  symlinkSync(victim, link);
  if (isRoot) chownSync(own, SOMEBODY, SOMEBODY);
  for (const path of [own, link]) {
    const pending = new PendingFile(path, 0o600);
    pending.write('new');
    pending.place();
  }
  expect(lstatSync(own).uid).toBe(isRoot ? SOMEBODY : process.getuid?.());
  expect(lstatSync(link).isFile()).toBe(true);
  expect(lstatSync(victim).size).toBe(3);
});
