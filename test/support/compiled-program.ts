import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Compiles the program into `folder`, to be run as a process of its own: gives the files of the command line and of the service. */
export function compileInto(folder: string): { readonly cli: string; readonly main: string } {
  const root = resolve('.');
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const dist = join(folder, 'dist');
  const swc = join(root, 'node_modules/@swc/cli/bin/swc.js');
  const options = ['src', '-d', dist, '--config-file', '.swcrc', '--strip-leading-paths'];
  const { status, stderr } = spawnSync(process.execPath, [swc, ...options], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return { cli: join(dist, 'cli.js'), main: join(dist, 'main.js') };
}
