// What the guard costs: this service's GET /api/v1/test beside the same answer from bare servers, all on TLS 1.3 asking for a client
// certificate, in alternating short rounds.
import { startLoadMaker } from './support/load-maker.js';
import { materialFolder, PATH } from './support/material.js';
import { reportRounds, say } from './support/report.js';
import { startSubject } from './support/subject.js';

const ROUNDS = 100;
const ROUND = { kind: 'requests', path: PATH, milliseconds: 120, connections: 16 } as const;

const folder = await materialFolder();
const subjects = await Promise.all([
  startSubject('veritas', 'veritas', folder),
  startSubject('bare NestJS', 'nest', folder),
  startSubject('bare Fastify', 'fastify', folder),
  startSubject('bare node:https', 'https', folder),
]);
const load = startLoadMaker(folder);
say(
  `guard: GET ${PATH}, ${ROUND.connections} connections, medians of ${ROUNDS} rounds of ${ROUND.milliseconds} ms each, lowest and highest`,
);
for (const subject of subjects) await load.measure(subject, ROUND);

const perSecond: Record<string, number[]> = {};
const perCpuSecond: Record<string, number[]> = {};
const p99: Record<string, number[]> = {};
for (let round = 0; round < ROUNDS; round++) {
  // Another order each time, so that nobody always comes after the same neighbour.
  for (const subject of round % 2 ? subjects.toReversed() : subjects) {
    const measured = await load.measure(subject, ROUND);
    (perSecond[subject.name] ??= []).push(measured.perSecond);
    (perCpuSecond[subject.name] ??= []).push(measured.perCpuSecond);
    (p99[subject.name] ??= []).push(measured.p99);
  }
}
const baselines = { veritas: ['bare NestJS', 'bare Fastify', 'bare node:https'] };
reportRounds('guard', 'requests per second', '1/s', perSecond, baselines);
reportRounds('guard', 'requests per CPU second of the server', '1/s', perCpuSecond, baselines);
reportRounds('guard', 'p99', 'ms', p99, {});
load.stop();
await Promise.all(subjects.map((subject) => subject.stop()));
