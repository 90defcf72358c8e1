import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A new folder of this spec's own, removed when it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'veritas-'));
  folders.push(folder);
  return folder;
}

/** Writes files (mode 0600) and gives their paths by name. */
export function writeFiles<Name extends string>(
  folder: string,
  files: Readonly<Record<Name, string | Uint8Array>>,
): Record<Name, string> {
  const paths = {} as Record<Name, string>;
  for (const name of Object.keys(files) as Name[]) {
    paths[name] = join(folder, name);
    writeFileSync(paths[name], files[name], { mode: 0o600 });
  }
  return paths;
}

/** Replaces a file in one step: a reader sees the old or the new one, never a part. */
export function replaceFile(path: string, contents: string | Uint8Array): void {
  writeFileSync(`${path}.new`, contents, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
