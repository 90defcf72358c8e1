// How long a connection lives on after its certificate was revoked, with ten thousand open, and whether anybody else notices. The service and its clients have a
// process each.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Hold, Held } from './support/hold.js';
import { materialFolder } from './support/material.js';
import { reportRounds, say } from './support/report.js';
import { pin } from './support/subject.js';

const CONNECTIONS = 10_000;
const LOST = 1_000;
const BUCKET_MS = 50;

const start = (file: string, ...options: string[]): ChildProcess => {
  const child = fork(join(import.meta.dirname, file), options, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  process.on('exit', () => child.kill('SIGKILL'));
  return child;
};

const folder = await materialFolder();
const server = start('servers/cut.js', folder);
pin(server, 1);
const [known] = (await once(server, 'message')) as [Pick<Hold, 'port' | 'cert' | 'key'>];
const holder = start('support/hold.js');
pin(holder, 0);
say(`cut: ${CONNECTIONS} open connections, half of them HTTP/2; the certificate of ${LOST} of them is revoked`);
holder.send({ ...known, folder, connections: CONNECTIONS, lost: LOST } satisfies Hold);
await once(holder, 'message');
const ended = once(holder, 'message') as Promise<[Held]>;
server.send('revoke');
const [{ revokedAt }] = (await once(server, 'message')) as [{ revokedAt: number }];
const [{ closedAt, others }] = await ended;
server.kill('SIGKILL');
holder.kill('SIGKILL');

const times = closedAt.map((at) => at - revokedAt).sort((a, b) => a - b);
const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Infinity;
const measured = { 'time to close, p50': at(0.5), 'time to close, p99': at(0.99), 'time to close, longest': at(1) };
for (const [name, value] of Object.entries(measured)) reportRounds('cut', name, 'ms', { veritas: [value] }, {});
for (const [bucket, some] of Map.groupBy(times, (time) => Math.floor(time / BUCKET_MS)))
  say(
    `  ${String(bucket * BUCKET_MS).padStart(5)} to ${(bucket + 1) * BUCKET_MS} ms  ${String(some.length).padStart(5)}`,
  );
say(
  `${times.length} of ${LOST} were closed; of the ${CONNECTIONS - LOST} others ${others.open} are open, ${others.failed} of their ${others.asked} requests failed, the slowest took ${Math.round(others.slowest)} ms`,
);
