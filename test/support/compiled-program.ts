import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import { temporaryFolder } from './folder.js';

/** The program as `npm run build` compiles it, and `more` folders beside it, in a folder of this spec's own: `src/main.js` is there. */
export function compileProgram(...more: readonly string[]): string {
  const root = resolve('.');
  const folder = temporaryFolder();
  const swc = join(root, 'node_modules/@swc/cli/bin/swc.js');
  const options = ['-d', folder, '--config-file', '.swcrc', '--extensions', '.ts', '--quiet'];
  const { status, stderr } = spawnSync(process.execPath, [swc, 'src', ...more, ...options], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  for (const name of ['package.json', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
  return folder;
}
