import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe } from '@jest/globals';
import { temporaryFolder } from './folder.js';

const mounted: string[] = [];

function unmountAll(): void {
  for (const folder of mounted.splice(0).reverse()) spawnSync('umount', ['-l', folder]);
}

function mount(folder: string, ...args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync('mount', [...args, folder], { encoding: 'utf8' });
  if (status !== 0) return error?.message ?? stderr.trim();
  mounted.push(folder);
  return undefined;
}

/** A disk of its own at `folder`, with so many octets, and room for so many files where that is given. */
export function mountDisk(folder: string, octets: number, files?: number): void {
  mkdirSync(folder, { recursive: true });
  // The folder itself is one of the inodes.
  const inodes = files === undefined ? '' : `,nr_inodes=${files + 1}`;
  const problem = mount(folder, '-t', 'tmpfs', '-o', `size=${octets}${inodes}`, 'tmpfs');
  if (problem !== undefined) throw new Error(problem);
}

/** `folder` for reading only, for root too; the function returned ends that. */
export function mountReadOnly(folder: string): () => void {
  const problem = mount(folder, '--bind', folder) ?? mount(folder, '-o', 'remount,ro,bind');
  if (problem !== undefined) throw new Error(problem);
  return () => {
    spawnSync('umount', [folder]);
  };
}

/** A copy of `file`, mounted over it as containers have single files; the function returned takes it away. */
export function mountFile(file: string): () => void {
  const copy = `${file}.mounted`;
  copyFileSync(file, copy);
  const problem = mount(file, '--bind', copy);
  if (problem !== undefined) throw new Error(problem);
  return () => {
    spawnSync('umount', [file]);
  };
}

/** Takes all the space that is left but so many octets; the function returned gives it back. */
export function fillDisk(folder: string, left = 0): () => void {
  const path = join(folder, 'filler');
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(path, Buffer.alloc(Math.max(0, bavail * bsize - left)));
  return () => {
    unlinkSync(path);
  };
}

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may mount';
  const problem = mount(temporaryFolder(), '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs');
  unmountAll();
  return problem;
}

const reason = whyNot();
if (reason !== undefined)
  process.stderr.write(`What mounted files, and full and read-only disks do is SKIPPED: ${reason}.\n`);

/** Specs that mount something; skipped, with a reason on stderr, where that is not permitted. */
export function describeWithMounts(name: string, specs: () => void): void {
  (reason === undefined ? describe : describe.skip)(name, () => {
    // Before the folders that they are in are removed.
    afterAll(unmountAll);
    specs();
  });
}
