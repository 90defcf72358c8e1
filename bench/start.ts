// How long until the first request is answered, and how much memory then: this service on an existing folder beside bare NestJS.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.js';
import { PATH } from './support/bare.js';
import { environmentIn } from './support/configuration.js';
import { materialFolder } from './support/material.js';
import { reportRounds, say } from './support/report.js';

const ROUNDS = 9;

const folder = await materialFolder();
const read = (name: string): Buffer => readFileSync(join(folder, 'certs', name));
const tls = { ca: read('ca_bundle.pem'), cert: read('client_cert.pem'), key: read('client_key.pem') };

/** The status of one request, or undefined while nobody listens. */
function ask(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    request({ host: '127.0.0.1', servername: 'localhost', port, path: PATH, agent: false, ...tls }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    })
      .on('error', () => resolve(undefined))
      .end();
  });
}

/** What is started on a port: the program as it is installed, told by its environment where everything is. */
const SERVERS = {
  veritas: (port) =>
    spawn(process.execPath, [join(import.meta.dirname, '../src/main.js')], {
      env: environmentIn(folder, String(port)),
      stdio: 'ignore',
    }),
  'bare NestJS': (port) =>
    spawn(process.execPath, [join(import.meta.dirname, 'servers/nest.js'), folder, String(port)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
} satisfies Record<string, (port: number) => ChildProcess>;

async function start(server: (port: number) => ChildProcess): Promise<{ milliseconds: number; mebibytes: number }> {
  const port = await freePort();
  const from = performance.now();
  const child = server(port);
  while ((await ask(port)) !== 200) await wait(5);
  const milliseconds = performance.now() - from;
  // Once what started in the background has settled.
  await wait(300);
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  child.kill('SIGKILL');
  await once(child, 'exit');
  return { milliseconds, mebibytes: Number(resident) / 1024 };
}

say(`start: from spawning the process to the first answer of GET ${PATH}, medians of ${ROUNDS} starts`);
const milliseconds: Record<string, number[]> = {};
const mebibytes: Record<string, number[]> = {};
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, server] of Object.entries(SERVERS)) {
    const started = await start(server);
    // The first of each warms the disk's cache.
    if (round === 0) continue;
    (milliseconds[name] ??= []).push(started.milliseconds);
    (mebibytes[name] ??= []).push(started.mebibytes);
  }
}
const baselines = { veritas: ['bare NestJS'] };
reportRounds('start', 'until the first answer', 'ms', milliseconds, baselines);
reportRounds('start', 'resident memory', 'MiB', mebibytes, baselines);
