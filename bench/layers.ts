// Where the microseconds of a guarded request go: bare NestJS, with one empty layer after the other of what any guard is built into (a listener that
// takes HTTP/2 as well, a Fastify hook, a Nest guard, a parameter that is the request), and this service, whose rest is its own doing.
import { startLoadMaker } from './support/load-maker.js';
import { LAYERS } from './support/layers.js';
import { PATH } from './support/bare.js';
import { materialFolder } from './support/material.js';
import { median, say } from './support/report.js';
import { alternate } from './support/rounds.js';
import { startSubject } from './support/subject.js';

const ROUND = { kind: 'requests', path: PATH, milliseconds: 250, connections: 16 } as const;

const folder = await materialFolder();
const start = () =>
  Promise.all([
    startSubject('veritas', 'veritas', folder),
    ...[...LAYERS].reverse().map((layer) => startSubject(`bare with ${layer}`, 'layers', folder, layer)),
    startSubject('bare NestJS', 'nest', folder),
  ]);
const load = startLoadMaker(folder);
const perCpuSecond = await alternate('layers', 'requests', { start, load, round: ROUND });
const microseconds = (name: string): number => 1e6 / median(perCpuSecond[name] ?? []);
let below = 0;
for (const name of ['bare NestJS', ...LAYERS.map((layer) => `bare with ${layer}`), 'veritas']) {
  const all = microseconds(name);
  say(
    `${name.padEnd(32)} ${all.toFixed(2)} us of CPU a request, ${(all - below).toFixed(2)} more than what stands above`,
  );
  below = all;
}
load.stop();
