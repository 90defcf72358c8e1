#!/usr/bin/env node
// Plain JavaScript that an old Node.js can read: finds a Node.js that can be used, then runs dist/cli.js.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = new URL('../dist/', import.meta.url);
// Beside us in a checkout; beside our package's folder when we are a dependency.
const candidates = ['../node_modules/.bin/node', '../../.bin/node'];

function fail(sentence) {
  process.stderr.write(`veritas: ${sentence}\n`);
  process.exit(3);
}

const load = (file) =>
  import(new URL(file, program).href).catch((error) => {
    if (!error.url?.startsWith(program.href)) throw error;
    fail('the program is not whole, as while it is being built: wait for `npm start`, or run `npm run build`');
  });

if (!existsSync(new URL('cli.js', program)))
  fail('the program is not built yet: run `npm run build` in its folder first');
const { nodeVersionProblem } = await load('tls/node-version.js');
const problem = nodeVersionProblem();
if (problem === undefined) {
  await load('cli.js');
} else {
  const node = candidates.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));
  // A pinned Node.js that cannot be used either would start itself for ever.
  if (node === undefined || process.env.NODE_CHOSEN_BY_VERITAS === '1') fail(`${problem}: install Node.js 24 LTS`);
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
