/**
 * `npm run demo`: the processes of docker-compose.yml with the same commands and settings, without containers, in a temporary folder.
 * Ends with Ctrl+C, or by itself after `--seconds N`; then with status 0 when every call of the client succeeded, and there was one.
 *
 * Options: `--seconds N`, `--port N` and `--repository-port N` (otherwise free ones).
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const options = optionsOf();
const { services } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true });

const port = options.port ?? (await freePort());
const repositoryPort = options['repository-port'] ?? (await freePort());
const folder = mkdtempSync(join(tmpdir(), 'veritas-demo-'));
/** @type {import('node:child_process').ChildProcess[]} */
const children = [];
let calls = 0;
let failures = 0;

process.once('exit', () => {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop(0));

if (!existsSync(join(root, 'dist/main.js'))) {
  run(join(root, 'node_modules/.bin/nest'), ['build'], { cwd: root });
  run(process.execPath, ['bundle.js'], { cwd: root });
}
layOut();
const [setup, ...setupArguments] = services.setup.command;
run(setup, setupArguments, { cwd: folder, env: environmentOf(services.setup) });
process.stdout.write(`demo: the commands that the service prints are for its folder: cd ${folder}\n`);
await startService();
startClient();
if (options.seconds !== undefined)
  setTimeout(() => void stop(calls > 0 && failures === 0 ? 0 : 1), Number(options.seconds) * 1000);

/** What was asked for. Anything else ends the process with one sentence. */
function optionsOf() {
  try {
    const whole = { type: 'string' };
    const { values } = parseArgs({ options: { seconds: whole, port: whole, 'repository-port': whole } });
    for (const [name, value] of Object.entries(values))
      if (!/^\d{1,6}$/.test(value)) throw new Error(`--${name} takes a number, not ${JSON.stringify(value)}`);
    return values;
  } catch (error) {
    process.stderr.write(`demo: ${error.message}\n`);
    process.exit(2);
  }
}

/** The folders of the containers in one: what is a volume there is a folder here. */
function layOut() {
  for (const name of ['dist', 'config']) symlinkSync(join(root, name), join(folder, name));
  symlinkSync(join(root, 'examples/demo/client.js'), join(folder, 'client.js'));
  for (const name of ['identity', 'tmp']) mkdirSync(join(folder, name), { mode: 0o700 });
}

/** Starts the service and waits until it is ready. */
async function startService() {
  const service = start('veritas', ['dist/main.js'], {
    ...environmentOf(services.veritas),
    VERITAS_HTTP_PORT: port,
    VERITAS_REPOSITORY_PORT: repositoryPort,
  });
  service.once('exit', (code) => void stop(code || 1));
  for (;;) {
    const ready = await fetch(`http://localhost:${repositoryPort}/readyz`).catch(() => undefined);
    if (ready?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Starts the client and counts its calls. */
function startClient() {
  const [, ...clientArguments] = services.client.command;
  const client = start('client', clientArguments, environmentOf(services.client));
  client.once('exit', (code) => void stop(code || 1));
  createInterface({ input: /** @type {import('node:stream').Readable} */ (client.stdout) }).on('line', (line) => {
    calls++;
    if (!line.includes(' 200 ')) failures++;
  });
}

/**
 * A service's environment in docker-compose.yml, on this machine's ports and folder; of our own only the PATH.
 *
 * @param {{ environment: Record<string, string> }} service
 * @returns {Record<string, string>}
 */
function environmentOf({ environment }) {
  const here = Object.entries(environment).map(([name, value]) => [
    name,
    value
      .replace('veritas.local:5000', `localhost:${port}`)
      .replace('veritas.local:5080', `localhost:${repositoryPort}`)
      .replace(/^\/tmp\//, `${folder}/tmp/`),
  ]);
  return { ...Object.fromEntries(here), PATH: [dirname(process.execPath), process.env.PATH].join(':') };
}

/**
 * @param {string} name
 * @param {string[]} nodeArguments
 * @param {Record<string, string>} env
 */
function start(name, nodeArguments, env) {
  const child = spawn(process.execPath, nodeArguments, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => process.stdout.write(`${name.padEnd(7)} | ${line}\n`));
  return child;
}

/**
 * Runs to the end. Ends this process when that fails.
 *
 * @param {string} command
 * @param {string[]} commandArguments
 * @param {import('node:child_process').SpawnSyncOptions} how
 */
function run(command, commandArguments, how) {
  const { status, error } = spawnSync(command, commandArguments, { ...how, stdio: 'inherit' });
  if (status === 0) return;
  process.stderr.write(`demo: ${command} failed${error ? `: ${error.message}` : ''}\n`);
  process.exit(1);
}

/** @returns {Promise<string>} */
async function freePort() {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return String(typeof address === 'object' && address ? address.port : 0);
}

/** @param {number} status */
async function stop(status) {
  for (const child of children) child.removeAllListeners('exit');
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = running.map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGTERM');
  await Promise.all(ended);
  process.stdout.write(`demo: ${calls} calls, ${failures} of them failed\n`);
  process.exit(status);
}
