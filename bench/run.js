// Runs benchmarks: `npm run bench`, `npm run bench -- guard`, `npm run bench -- guard --json`.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, bundlePrograms } from '../bundle.js';

const root = join(import.meta.dirname, '..');
const out = join(root, '.bench');
const names = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -3));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0 || flags.some((flag) => flag !== '--json')) {
  process.stderr.write(`usage: npm run bench -- [${names.join(' | ')}]… [--json]\n`);
  process.exit(2);
}

rmSync(out, { recursive: true, force: true });
for (const folder of ['src', 'bench', 'test/support'])
  execFileSync(
    process.execPath,
    [
      join(root, 'node_modules/@swc/cli/bin/swc.js'),
      folder,
      '-d',
      out,
      '--config-file',
      '.swcrc',
      '--extensions',
      '.ts',
      '--quiet',
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
for (const name of ['package.json', 'config']) symlinkSync(join(root, name), join(out, name));
// As `npm run build` does: the start that is measured is that of what is installed.
await bundle(join(out, 'src'));
// And so the memory: with its modules one by one a process takes twenty mebibytes more.
await bundlePrograms(out, ['bench/servers/crl']);

for (const name of wanted.length > 0 ? wanted : names) {
  const child = spawn(process.execPath, ['--expose-gc', join(out, 'bench', `${name}.js`), ...flags], {
    cwd: root,
    stdio: 'inherit',
  });
  const [status] = await once(child, 'exit');
  if (status !== 0) process.exitCode = 1;
}
