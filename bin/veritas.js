#!/usr/bin/env node
// Plain JavaScript that an old Node.js can read: finds a Node.js that is new enough, then runs dist/cli.js.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const cli = new URL('../dist/cli.js', import.meta.url);
// Beside us in a checkout; beside our package's folder when we are a dependency.
const candidates = ['../node_modules/.bin/node', '../../.bin/node'];

function fail(sentence) {
  process.stderr.write(`veritas: ${sentence}\n`);
  process.exit(3);
}

if (!existsSync(cli)) fail('the program is not built yet: run `npm run build` in its folder first');
if (major > 24 || (major === 24 && minor >= 21)) {
  await import(cli.href).catch((error) => {
    if (!error.url?.startsWith(new URL('../dist/', import.meta.url).href)) throw error;
    fail('the program is not whole, as while it is being built: wait for `npm start`, or run `npm run build`');
  });
} else {
  const node = candidates.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));
  // A pinned Node.js that is itself too old would start itself for ever.
  if (node === undefined || process.env.NODE_CHOSEN_BY_VERITAS === '1')
    fail(`Node.js ${process.versions.node} is too old, 24.21 or newer is needed: install Node.js 24 LTS`);
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, NODE_CHOSEN_BY_VERITAS: '1' },
  });
  // Whoever started us knows us alone.
  const pass = (signal) => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, pass);
  child.on('error', (error) => fail(`${node} cannot be started: ${error.message}`));
  child.on('exit', (status, signal) => {
    for (const each of signals) process.off(each, pass);
    if (signal) process.kill(process.pid, signal);
    else process.exit(status ?? 3);
  });
}
