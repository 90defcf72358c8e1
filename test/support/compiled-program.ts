import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Compiles the product into `folder/dist` as `npm run build` does, with what it needs beside it, as it is when it is installed. Throws when it does not compile. */
export function compileProgram(folder: string): void {
  const root = resolve('.');
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  for (const name of ['config', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
  const swc = join(root, 'node_modules/@swc/cli/bin/swc.js');
  const options = ['src', '-d', join(folder, 'dist'), '--config-file', '.swcrc', '--strip-leading-paths'];
  const { status, stderr } = spawnSync(process.execPath, [swc, ...options], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const bundled = spawnSync(process.execPath, [join(root, 'bundle.js'), join(folder, 'dist')], { encoding: 'utf8' });
  if (bundled.status !== 0) throw new Error(bundled.stderr);
}

/** Compiles the program file by file, and `more` folders beside it, into `folder`: `src/main.js` is there. Throws when it does not compile. */
export function compileSources(folder: string, ...more: readonly string[]): void {
  const root = resolve('.');
  const swc = join(root, 'node_modules/@swc/cli/bin/swc.js');
  const options = ['-d', folder, '--config-file', '.swcrc', '--extensions', '.ts', '--quiet'];
  const { status, stderr } = spawnSync(process.execPath, [swc, 'src', ...more, ...options], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  for (const name of ['package.json', 'config', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
}
